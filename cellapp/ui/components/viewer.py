"""An image on a page with pan, zoom and layers, and what the visitor marks on it.

The viewer is a Streamlit component, its markup, style and script in deep_zoom/. It remembers where on an image the
visitor was (per image, in the browser's session), so that neither a rerun nor another page moves it, and panning costs
no rerun.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from cellapp.store.records import ImageRecord
from cellapp.types.image import Region
from cellapp.ui.components.viewer_layers import Layer
from cellapp.viewer.multiscale_reader import TILE_PX, n_levels

_FILES = Path(__file__).with_name("deep_zoom")
RINGS = 2_000
"""At most so many cells are ringed; more rings would hide the cells."""


def _files(ending: str) -> str:
    """Return the parts of the component of one kind: the viewer first, then its buttons, tools and regions."""
    files = [_FILES / f"{part}.{ending}" for part in ("viewer", "tools", "editor", "regions")]
    return "\n".join(file.read_text(encoding="utf-8") for file in files if file.is_file())


_mount = st.components.v2.component(
    "cellapp_deep_zoom",
    html=(_FILES / "viewer.html").read_text(encoding="utf-8"),
    css=_files("css"),
    js=_files("js"),
)


@dataclass(frozen=True)
class Picked:
    """What the visitor marked on the image last, in full-resolution pixels; at most one of the two."""

    point: tuple[int, int] | None = None  # (y, x)
    reach_px: float = 0.0  # radius around the point that the pointer covered at the zoom of the click
    region: Region | None = None


@dataclass(frozen=True)
class Editing:
    """What the tools for editing cells, or regions, need; edits come back by `on_edits`."""

    outlines: str  # address that answers outlines of cells, see `cellapp.ui.components.viewer_layers.outlines_address`
    number: int  # of the last edit that the layers show
    answers: Sequence[
        Mapping[str, Any]
    ]  # to the latest edits: ``n`` of the edit, ``sentence`` or ``error``, ``changed``
    on_edits: Callable[[Sequence[Mapping[str, Any]]], None]  # takes edits with an ``n`` each; the same may come again
    what: str = "cells"  # or "regions", those that are shown


def show_image(
    image: ImageRecord,
    layers: Sequence[Layer],
    *,
    key: str,
    alt: str,
    um_per_px: float | None = None,
    ringed: Sequence[tuple[float, float, float]] = (),
    rectangle: Region | None = None,
    regions: Sequence[Mapping[str, Any]] = (),
    circle_px: float | None = None,
    focus: Region | None = None,
    pick: Sequence[str] = (),
    on_pick: Callable[[Picked], None] | None = None,
    editing: Editing | None = None,
    height: int = 560,
) -> Picked:
    """Show an image with pan and zoom and return what was marked on it.

    Parameters
    ----------
    image : ImageRecord
    layers : sequence of Layer
        From `cellapp.ui.components.viewer_layers`, the lowest first.
    key : str
        Widget key.
    alt : str
        What the image shows, for those who cannot see it.
    um_per_px : float, optional
        Makes the scale bar one in micrometres.
    ringed : sequence of (y, x, radius)
        Circles around cells, in full-resolution pixels; only the first `RINGS` are drawn.
    rectangle : Region, optional
        Outlined, such as the region a preview covers.
    regions : sequence of mapping, optional
        From `cellapp.ui.components.viewer_regions.drawn`; outlined quietly.
    circle_px : float, optional
        Diameter of a circle drawn for scale in the upper left corner.
    focus : Region, optional
        The viewer goes there whenever this changes.
    pick : sequence of "point", "box"
        What may be marked; empty shows only.
    on_pick : callable, optional
        Called once with each new mark, before the page is drawn again.
    editing : Editing, optional
        Shows the tools that edit cells or regions.
    height : int
        Height on the page in pixels.

    Returns
    -------
    Picked
        Nothing until the visitor marks something.
    """
    shape = image.info.shape[1:]
    data = {
        "place": image.id,
        "alt": alt,
        "shape": shape,
        "layers": [_described(layer, at, shape) for at, layer in enumerate(layers)],
        "um_per_px": um_per_px,
        "marked": [list(ring) for ring in ringed[:RINGS]],
        "rectangle": _corner_and_size(rectangle),
        "regions": list(regions),
        "circle_px": circle_px,
        "focus": {"region": _corner_and_size(focus), "key": str(_corner_and_size(focus))} if focus else None,
        "pick": list(pick),
        "edit": None if editing is None else _editing_data(editing),
        "height": height,
    }

    def report() -> None:
        if on_pick is not None:
            on_pick(picked(st.session_state[key].get("mark")))

    def report_edits() -> None:
        if editing is not None:
            editing.on_edits(st.session_state[key].get("edits") or ())

    return picked(deep_zoom(data, key=key, on_mark=report, on_edits=report_edits))


def _editing_data(editing: Editing) -> dict[str, Any]:
    answers = [dict(one) for one in editing.answers]
    return {"what": editing.what, "outlines": editing.outlines, "number": editing.number, "answers": answers}


def deep_zoom(
    data: Mapping[str, Any], *, key: str, on_mark: Callable[[], None], on_edits: Callable[[], None]
) -> Mapping[str, Any] | None:
    """Mount the component.

    Parameters
    ----------
    data : mapping
        What to show, JSON values, made by `show_image`.
    key : str
        Widget key.
    on_mark : callable
        Called when the visitor marks something else, before the page is drawn again.
    on_edits : callable
        Called in the same way when the visitor edits cells.

    Returns
    -------
    mapping or None
        The last mark in full-resolution pixels: ``kind`` is "point" (with ``y``, ``x`` and the ``reach`` of a touch) or
        "box" (with ``y``, ``x``, ``height``, ``width``). None when nothing was marked, and always where no browser runs
        the script.
    """
    return _mount(key=key, data=dict(data), on_mark_change=on_mark, on_edits_change=on_edits).get("mark")


def picked(mark: Mapping[str, Any] | None) -> Picked:
    """Return a mark as the browser sends it, see `deep_zoom`, as a point or a region."""
    if not mark:
        return Picked()
    y, x = int(mark["y"]), int(mark["x"])
    if mark["kind"] == "point":
        return Picked(point=(y, x), reach_px=float(mark.get("reach", 0.0)))
    return Picked(region=Region(y, x, max(int(mark["height"]), 1), max(int(mark["width"]), 1)))


def _described(layer: Layer, at: int, shape: tuple[int, int]) -> dict[str, Any]:
    return {
        "id": at,
        "source": layer.source,
        "region": _corner_and_size(layer.region),
        "tiled": layer.tiled,
        "tile_px": TILE_PX,
        "n_levels": n_levels(shape),
        "opacity": layer.opacity,
    }


def _corner_and_size(region: Region | None) -> list[int] | None:
    return [region.y, region.x, region.height, region.width] if region else None
