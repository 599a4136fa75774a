"""Where in a cell a map speaks: only what the mask and the nucleus channel show."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.ndimage import binary_erosion
from skimage.filters import threshold_otsu
from skimage.transform import resize

from cellapp.errors import InputError
from cellapp.types.cells import Explanations

NUCLEUS, CYTOPLASM, CELL, EDGE, OUTSIDE = "nucleus", "cytoplasm", "cell", "edge", "outside"
COMPARTMENTS = (NUCLEUS, CYTOPLASM, CELL, EDGE, OUTSIDE)
"""Every place there can be, from the middle of a cell outwards."""

COMPARTMENT_NAMES = {
    NUCLEUS: "in the nucleus",
    CYTOPLASM: "in the cytoplasm",
    CELL: "inside the cell",
    EDGE: "at the cell's edge",
    OUTSIDE: "outside the cell",
}

_HALF = 0.5  # a token belongs to a place that covers at least half of it


def compartments(inside: np.ndarray, nucleus: np.ndarray | None, grid: tuple[int, int]) -> dict[str, np.ndarray]:
    """Divide a crop into places on the token grid.

    Parameters
    ----------
    inside : ndarray of shape (Y, X), bool
        Where the cell is.
    nucleus : ndarray of shape (Y, X), optional
        Nucleus channel, any intensity; inside the cell, brighter than Otsu's threshold counts as nucleus.
    grid : tuple of int
        Rows and columns of the map.

    Returns
    -------
    dict of place to ndarray of shape `grid`, bool
        Places do not overlap and cover the grid. The edge is the outermost ring of the cell's tokens, unless they are
        nucleus. Without a nucleus channel, or where it is even, the rest of the cell is one place.
    """
    cell = _share(inside, grid) >= _HALF
    edge = cell & ~binary_erosion(cell)
    nuclear = _nuclear(inside, nucleus)
    if nuclear is None:
        return {CELL: cell & ~edge, EDGE: edge, OUTSIDE: ~cell}
    core = cell & (_share(nuclear, grid) >= _HALF)
    return {NUCLEUS: core, CYTOPLASM: cell & ~core & ~edge, EDGE: edge & ~core, OUTSIDE: ~cell}


def attribution(heat: np.ndarray, places: dict[str, np.ndarray]) -> dict[str, float]:
    """Sum a signed map over each place, logit units; the sums add up to the map's."""
    return {name: float(heat[where].sum()) for name, where in places.items()}


def strongest_compartment(heat: np.ndarray, places: dict[str, np.ndarray]) -> str | None:
    """Return the place of the token that speaks loudest, for or against; None for a map of zeros."""
    if not np.any(heat):
        return None
    at = np.unravel_index(np.abs(heat).argmax(), heat.shape)
    return next(name for name, where in places.items() if where[at])


def _nuclear(inside: np.ndarray, nucleus: np.ndarray | None) -> np.ndarray | None:
    if nucleus is None or not inside.any():
        return None
    values = nucleus[inside].astype(np.float64)
    if values.max() <= values.min():
        return None
    return inside & (nucleus > threshold_otsu(values))


def _share(where: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """Return how much of each token a place covers, 0 to 1."""
    side = tuple(-(-n // g) * g for n, g in zip(where.shape, grid, strict=True))
    fine = resize(where.astype(np.float64), side, order=0, anti_aliasing=False)
    return fine.reshape(grid[0], side[0] // grid[0], grid[1], side[1] // grid[1]).mean(axis=(1, 3))


SUM, FOR, AREA, EFFECT = "sum_", "for_", "area_", "effect_"
"""Starts of column names; a place follows the first three, a channel the last."""


def compartment_table(
    explained: Explanations, inside: Sequence[np.ndarray], nuclei: Sequence[np.ndarray | None]
) -> pd.DataFrame:
    """Measure where the maps of some cells speak.

    Parameters
    ----------
    explained : Explanations
    inside : sequence of ndarray of shape (S, S), bool
        Where each cell is in its crop.
    nuclei : sequence of ndarray of shape (S, S) or None
        Nucleus channel of each crop, any intensity.

    Returns
    -------
    DataFrame
        One row per cell, indexed by ``cell_id``, in the order of `explained`. ``target`` (class explained), ``logit``,
        ``rest`` (what class token and bias give) and ``energy`` (sum of the map's absolute values) in logit units; for
        each place of `COMPARTMENTS` ``sum_`` (signed) and ``for_`` (what speaks for the class) in
        logit units and ``area_``, its share of the crop, 0 to 1; missing where the cell has no such place. The sums and
        the rest add up to the logit.

    Raises
    ------
    InputError
        When the number of crops differs from that of the cells.
    """
    if not len(explained.cell_ids) == len(inside) == len(nuclei):
        raise InputError(
            f"{len(explained.cell_ids)} maps but {len(inside)} masks and {len(nuclei)} nucleus channels; give one each"
        )
    rows = [_places(*each) for each in zip(explained.maps, inside, nuclei, strict=True)]
    columns = [f"{part}{place}" for part in (SUM, FOR, AREA) for place in COMPARTMENTS]
    table = pd.DataFrame(rows, columns=columns, index=pd.Index(explained.cell_ids, name="cell_id"), dtype=float)
    table.insert(0, "target", explained.target)
    table.insert(1, "logit", explained.logits.astype(float))
    table.insert(2, "rest", explained.rest.astype(float))
    table.insert(3, "energy", np.abs(explained.maps).sum(axis=(1, 2), dtype=float))
    return table


def _places(heat: np.ndarray, inside: np.ndarray, nucleus: np.ndarray | None) -> dict[str, float]:
    row: dict[str, float] = {}
    for place, where in compartments(inside, nucleus, heat.shape).items():
        values = heat[where].astype(float)
        row |= {
            f"{SUM}{place}": values.sum(),
            f"{FOR}{place}": values[values > 0].sum(),
            f"{AREA}{place}": float(where.mean()),
        }
    return row
