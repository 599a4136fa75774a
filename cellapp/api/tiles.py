"""The part of the HTTP API the viewer uses: tiles of images and of results, and the cell at a point."""

from __future__ import annotations

import time
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from cellapp.auth import tile_pass
from cellapp.store.images import get_image
from cellapp.store.runs import run_folder
from cellapp.viewer import tiles
from cellapp.viewer.cell_outline import cell_outlines

router = APIRouter()

Level = Annotated[int, Path(description="0 is full resolution, each further level half of it")]
Pass = Annotated[str, Query(alias="pass", description="Made by the page that shows the image")]

# An address names the image and every choice, so its tile never changes; private, because only who has the pass may see
# it.
FOREVER = {"Cache-Control": f"private, max-age={2 * tile_pass.VALID_S}, immutable"}


@router.get("/images/{image_id}/tiles/{level}/{x}_{y}.{ending}")
def image_tile(
    image_id: str, level: Level, x: int, y: int, ending: str, channels: Annotated[str, Query()], given_pass: Pass
) -> Response:
    """Draw one tile of an image with its channels in the colours, windows and gammas of `channels`."""
    start_s = _clocks_s()
    record = tile_pass.visible_image(image_id, given_pass)
    content = tiles.image_tile(record, level, y, x, channels=channels, ending=ending)
    return _tile_response(content, ending, start_s)


@router.get("/runs/{run_id}/images/{image_id}/labels/{level}/{x}_{y}.png")
def label_tile(
    run_id: str, image_id: str, level: Level, x: int, y: int, threshold: Annotated[float, Query()], given_pass: Pass
) -> Response:
    """Draw one tile of the cells of a result: outlines in the colours of their classes on a transparent ground."""
    start_s = _clocks_s()
    run, _ = tile_pass.visible_result(run_id, image_id, given_pass)
    content = tiles.label_tile(run, get_image(image_id), level, y, x, threshold=threshold)
    return _tile_response(content, "png", start_s)


@router.get("/runs/{run_id}/images/{image_id}/cell_at")
def cell_at(
    run_id: str, image_id: str, y: Annotated[int, Query()], x: Annotated[int, Query()], given_pass: Pass
) -> dict[str, int | None]:
    """Return the id of the cell that covers a pixel of the full image; null where there is none."""
    run, _ = tile_pass.visible_result(run_id, image_id, given_pass)
    return {"cell_id": tiles.cell_at(run, image_id, y, x) or None}


@router.get("/runs/{run_id}/images/{image_id}/outlines")
def outlines(
    run_id: str,
    image_id: str,
    given_pass: Pass,
    cell: Annotated[list[int], Query(max_length=500)] = (),
    y: Annotated[int | None, Query()] = None,
    x: Annotated[int | None, Query()] = None,
) -> dict[str, Any]:
    """Return the outlines of some cells by their ids, and of the one that covers a pixel of the full image, if any."""
    run, _ = tile_pass.visible_result(run_id, image_id, given_pass)
    under = tiles.cell_at(run, image_id, y, x) if y is not None and x is not None else 0
    folder = run_folder(run.id) / run.image(image_id).stem
    return {"cells": cell_outlines(folder, [*cell, *([under] if under else [])])}


def _clocks_s() -> tuple[float, float]:
    """Return the time and the processor time of this thread, which other work on the machine does not lengthen."""
    return time.perf_counter(), time.thread_time()


def _tile_response(content: bytes, ending: str, start_s: tuple[float, float]) -> Response:
    spent_ms, cpu_ms = (1e3 * (now - start) for now, start in zip(_clocks_s(), start_s, strict=True))
    headers = {**FOREVER, "Server-Timing": f"tile;dur={spent_ms:.1f}, cpu;dur={cpu_ms:.1f}"}
    return Response(content, media_type=tiles.FORMATS[ending][1], headers=headers)
