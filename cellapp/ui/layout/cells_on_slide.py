"""The slide with the outlines of a run's cells, some of them ringed, and which cells lie under a mark on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from cellapp.store.records import ImageRecord
from cellapp.types.image import Region
from cellapp.ui.components import viewer_layers
from cellapp.ui.components.channel_controls import composition
from cellapp.ui.components.viewer import Picked, show_image
from cellapp.ui.layout import image_regions
from cellapp.ui.layout.cell_thumbnails import labels_of
from cellapp.ui.session import cache
from cellapp.ui.session.results import Results
from cellapp.viewer.label_tiles import cell_at

_BOX = {"bbox_y0_px": "min", "bbox_x0_px": "min", "bbox_y1_px": "max", "bbox_x1_px": "max"}
_MIN_FOCUS_PX = 256
_FOCUS_SIDES = 6.0  # side of the region jumped to, in heights of a cell


def show_cells_on_slide(
    results: Results,
    image: ImageRecord,
    ringed: pd.DataFrame,
    *,
    threshold: float,
    opacity: float = 0.9,
    key: str,
    alt: str,
    jump: bool = True,
    pick: Sequence[str],
    on_pick: Callable[[Picked], None] | None = None,
    height: int,
) -> Picked:
    """Draw a slide with the outlines of its cells in the colours of their classes.

    Parameters
    ----------
    results : Results
        Of a run that has finished `image`.
    image : ImageRecord
    ringed : DataFrame
        Rows of the image's cells that get a ring.
    threshold : float
        Probability from which a cell is called the positive class.
    opacity : float
        Of the outlines, 0 to 1.
    jump : bool
        Whether the viewer goes to the ringed cells.
    key, alt, pick, on_pick, height
        See `cellapp.ui.components.viewer.show_image`.
    """
    labels = viewer_layers.label_tiles(results.run, image, threshold=threshold, version=results.version_key)
    return show_image(
        image,
        [cache.whole(image, composition(image, cache.overview(image))), labels.at(opacity)],
        key=key,
        alt=alt,
        um_per_px=results.run.settings.um_per_px or image.um_per_px,
        ringed=rings(ringed),
        regions=image_regions.of_results(results, image),
        focus=surroundings(ringed) if jump else None,
        pick=pick,
        on_pick=on_pick,
        height=height,
    )


def picked_rows(results: Results, stem: str, picked: Picked, cells: pd.DataFrame) -> list[int]:
    """Return the rows of `cells`, all of the image in the folder `stem`, that lie under a mark; see `rows_under`."""
    labels = results.folder / stem
    return rows_under(picked, cells, lambda y, x: cell_at(labels_of(labels), y, x))


def rows_under(picked: Picked, cells: pd.DataFrame, cell_id_at: Callable[[int, int], int]) -> list[int]:
    """Return the rows of the cells under what was marked.

    Parameters
    ----------
    picked : Picked
    cells : DataFrame
        Of the image, with `cell_id` and centroids.
    cell_id_at : callable
        Returns the id of the cell that covers a pixel (y, x), 0 where none does.

    Returns
    -------
    list of int
        Index labels of `cells`: those with their centroid in a rectangle; the one under a point, else the nearest
        within the reach of a touch.
    """
    y, x = cells["centroid_y_px"].to_numpy(float), cells["centroid_x_px"].to_numpy(float)
    if picked.region is not None:
        box = picked.region
        inside = (y >= box.y) & (y < box.y + box.height) & (x >= box.x) & (x < box.x + box.width)
        return cells.index[inside].tolist()
    if picked.point is None or cells.empty:
        return []
    under = cells.index[cells["cell_id"] == cell_id_at(*picked.point)].tolist()
    distance_px = np.hypot(y - picked.point[0], x - picked.point[1])
    return under or cells.index[distance_px <= min(picked.reach_px, distance_px.min())].tolist()[:1]


def rings(cells: pd.DataFrame) -> list[tuple[float, float, float]]:
    """Return a circle around each cell as (y, x, radius) in pixels: half the diagonal of its bounding box."""
    radii = np.hypot(cells["bbox_y1_px"] - cells["bbox_y0_px"], cells["bbox_x1_px"] - cells["bbox_x0_px"]) / 2
    return list(zip(cells["centroid_y_px"].tolist(), cells["centroid_x_px"].tolist(), radii.tolist(), strict=True))


def surroundings(cells: pd.DataFrame) -> Region | None:
    """Return a square region that shows some cells with what surrounds them; None without cells."""
    if cells.empty:
        return None
    y0, x0, y1, x1 = (cells[name].agg(how) for name, how in _BOX.items())
    side = max(_MIN_FOCUS_PX, _FOCUS_SIDES * (cells["bbox_y1_px"] - cells["bbox_y0_px"]).median(), y1 - y0, x1 - x0)
    return Region(int((y0 + y1 - side) / 2), int((x0 + x1 - side) / 2), int(side), int(side))
