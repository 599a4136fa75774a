"""The one place where an image is put on a page with pan, zoom and layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from cellapp.store.records import ImageRecord
from cellapp.types.image import Region
from cellapp.ui.components.deep_zoom.component import deep_zoom
from cellapp.ui.components.viewer_layers import Layer
from cellapp.viewer.multiscale_reader import TILE_PX, n_levels

RINGS = 2_000
"""At most so many cells are ringed; beyond, rings would hide what they point to."""


@dataclass(frozen=True)
class Picked:
    """What the visitor marked on the image last, in full-resolution pixels; at most one of the two."""

    point: tuple[int, int] | None = None  # (y, x)
    reach_px: float = 0.0  # how far from the point a finger's or mouse's touch counts at the zoom it was made
    region: Region | None = None


def show_image(
    image: ImageRecord,
    layers: Sequence[Layer],
    *,
    key: str,
    alt: str,
    um_per_px: float | None = None,
    ringed: Sequence[tuple[float, float, float]] = (),
    rectangle: Region | None = None,
    circle_px: float | None = None,
    focus: Region | None = None,
    pick: Sequence[str] = (),
    on_pick: Callable[[Picked], None] | None = None,
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
    circle_px : float, optional
        Diameter of a circle drawn for scale in the upper left corner.
    focus : Region, optional
        The viewer goes there whenever this changes.
    pick : sequence of "point", "box"
        What may be marked; empty shows only.
    on_pick : callable, optional
        Told once of each new mark, before the page is drawn again; without it the page is just drawn again.
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
        "circle_px": circle_px,
        "focus": {"region": _corner_and_size(focus), "key": str(_corner_and_size(focus))} if focus else None,
        "pick": list(pick),
        "height": height,
    }

    def tell() -> None:
        if on_pick is not None:
            on_pick(picked(st.session_state[key].get("mark")))

    return picked(deep_zoom(data, key=key, on_mark=tell))


def picked(mark: Mapping[str, Any] | None) -> Picked:
    """Translate a mark of the viewer."""
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
