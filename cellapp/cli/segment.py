"""`segment`: from images to label images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from cellapp.cli.file_images import Depth, Scene, Time
from cellapp.cli.limits import Regions
from cellapp.cli.options import (
    Channels,
    Diameter,
    Inputs,
    Out,
    Preprocess,
    SecondLook,
    Segmenter,
    UmPerPx,
    build_settings,
)
from cellapp.cli.outline_notes import note_unreliable
from cellapp.cli.output import JSON_OPTION, Progress, emit, note
from cellapp.cli.references import Reference
from cellapp.cli.role_notes import Counted, note_unknown_roles
from cellapp.cli.run_items import run_items
from cellapp.cli.together import Combine, JoinTiles
from cellapp.errors import CellappError, InputError, disk_sentence

if TYPE_CHECKING:
    from cellapp.pipeline.run_inputs import RunItem
    from cellapp.types.image import OnStep

Segmented = tuple[dict[str, Any], Counted]


def segment(
    inputs: Inputs,
    out: Out,
    segmenter: Segmenter = None,
    channels: Channels = None,
    um_per_px: UmPerPx = None,
    diameter: Diameter = None,
    second_look: SecondLook = True,
    preprocess: Preprocess = None,
    scene: Scene = "all",
    time: Time = "all",
    depth: Depth = "max",
    combine: Combine = False,
    join_tiles: JoinTiles = False,
    reference: Reference = None,
    regions: Regions = None,
    rle: bool = typer.Option(False, "--rle", help="Also write DIR/images.csv: name, width, height, rle_annotation."),
    log: Path = typer.Option(
        None, "--log", dir_okay=False, help="File to add a line to for each image, with its time."
    ),
    as_json: bool = JSON_OPTION,
) -> int:
    """Write DIR/<stem>/labels.tif for each image; one that cannot be read is named, and the others are done."""
    from cellapp.cli.run_log import run_log
    from cellapp.models.load import load_model

    which = {"scene": scene, "time": time, "depth": depth or "max", "combine": combine, "join_tiles": join_tiles}
    chosen = build_settings(
        channels=channels,
        um_per_px=um_per_px,
        segmenter=segmenter,
        diameter=diameter,
        second_look=second_look,
        preprocess=preprocess,
    )
    model, progress = load_model(chosen.segment.segmenter, kind="segmenter"), Progress()
    with run_log(log) as told, run_items(inputs, out, **which, reference=reference, regions=regions) as items:
        told.begin("segment", len(items), chosen.segment.segmenter)
        work = told.each(lambda item, on_step: _segment(item, out, model, chosen, on_step))
        done, failed = _each(items, work, progress)
    progress.end()
    if rle:
        _write_rle(out, [row for row, _ in done])
    _report(out, done, failed, as_json)
    if not failed:
        return 0
    return 2 if not done and all(isinstance(error, InputError) for error in failed.values()) else 1


def _report(out: Path, done: list[Segmented], failed: dict[str, CellappError], as_json: bool) -> None:
    """Say what was found, what failed and what could not be known."""
    for stem, error in failed.items():
        note(f"cellapp: {stem}: {error}")
    rows = [row for row, _ in done]
    for row in rows:
        if row.get("note"):
            note(f"cellapp: {row['image']}: {row['note']}")
    note_unreliable(rows)
    note_unknown_roles([counted for _, counted in done])
    found = {"out": str(out), "images": rows, "failed": {stem: str(error) for stem, error in failed.items()}}
    emit(found, as_json, [f"{row['image']}: {row['n_cells']:,} cells" for row in rows])


def _write_rle(out: Path, rows: list[dict[str, Any]]) -> None:
    """Write the foreground of each image as run lengths, as Cell Segger does."""
    from cellapp.exports.rle_tables import IMAGES_CSV, rle_table
    from cellapp.exports.tables import write_csv
    from cellapp.segmentation.label_image import read_labels

    write_csv(rle_table((row["image"], read_labels(Path(row["labels"]))) for row in rows), out / IMAGES_CSV)


def _each(
    items: list[RunItem], work: Callable[[RunItem, OnStep], Segmented], progress: Progress
) -> tuple[list[Segmented], dict[str, CellappError]]:
    """Do each image; an error of one is kept, and the others are done."""
    done: list[Segmented] = []
    failed: dict[str, CellappError] = {}
    for n_before, item in enumerate(items):

        def on_step(step: str, part: float, n_before: int = n_before, stem: str = item.stem) -> None:
            progress(f"{stem}: {step}", (n_before + part) / len(items))

        try:
            done.append(work(item, on_step))
        except CellappError as error:
            failed[item.stem] = error
        except OSError as error:
            failed[item.stem] = CellappError(disk_sentence(error))
        progress(f"{item.stem} {'failed' if item.stem in failed else 'done'}", (n_before + 1) / len(items))
    return done, failed


def _segment(item: RunItem, out: Path, model: Any, settings: Any, on_step: OnStep) -> Segmented:
    """Write the labels of one image; return its row and what is known of its channels."""
    from cellapp.exports.label_image import write_labels
    from cellapp.exports.outline_columns import outline_columns
    from cellapp.exports.tables import file_columns
    from cellapp.images.channel_files import check_same_size
    from cellapp.images.channels import assign_channels
    from cellapp.pipeline.checkpoint import open_checkpoint
    from cellapp.pipeline.segment_slide import segment_image

    slide = item.open()
    source = item.open_target() if item.open_target else slide
    check_same_size(slide, source)
    with open_checkpoint(out / f".{item.stem}.work", {}, resume=False) as checkpoint:
        limits = item.read_regions(slide.info.shape[1:]) if item.read_regions else None
        mask = segment_image(slide, model, settings, on_step, checkpoint=checkpoint, regions=limits)
        file = write_labels(mask, out / item.stem / "labels.tif", um_per_px=source.info.um_per_px)
    row = {"image": item.stem, **file_columns(source.info), "n_cells": len(mask.cell_ids), "labels": str(file)}
    if mask.note:
        row["note"] = mask.note
    row |= outline_columns(mask.outlines)
    return row, Counted(item.stem, len(mask.cell_ids), *assign_channels(slide.info, settings.channels))
