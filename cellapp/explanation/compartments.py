"""Compartments of a cell on the token grid of a map, from mask and nucleus channel, and the sums of the map in each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.ndimage import binary_erosion
from skimage.filters import threshold_otsu
from skimage.transform import resize

from cellapp.errors import InputError
from cellapp.types.cells import Explanations

NUCLEUS, CYTOPLASM, CELL, EDGE, OUTSIDE = "nucleus", "cytoplasm", "cell", "edge", "outside"
COMPARTMENTS = (NUCLEUS, CYTOPLASM, CELL, EDGE, OUTSIDE)
"""Every compartment there can be, from the middle of a cell outwards; the last is the rest of the crop."""

COMPARTMENT_NAMES = {
    NUCLEUS: "in the nucleus",
    CYTOPLASM: "in the cytoplasm",
    CELL: "inside the cell",
    EDGE: "at the cell's edge",
    OUTSIDE: "outside the cell",
}

_HALF = 0.5  # a token belongs to a compartment that covers at least half of it

SUM, FOR, AREA, EFFECT = "sum_", "for_", "area_", "effect_"
"""Starts of column names; a compartment follows the first three, a channel the last."""


def compartment_masks(inside: np.ndarray, nucleus: np.ndarray | None, grid: tuple[int, int]) -> dict[str, np.ndarray]:
    """Divide a crop into compartments on the token grid.

    Parameters
    ----------
    inside : ndarray of shape (Y, X), bool
        True on the cell.
    nucleus : ndarray of shape (Y, X), optional
        Nucleus channel, any intensity; inside the cell, brighter than Otsu's threshold counts as nucleus.
    grid : tuple of int
        Rows and columns of the map.

    Returns
    -------
    dict of compartment to ndarray of shape `grid`, bool
        They do not overlap and cover the grid. The edge is the outermost ring of the cell's tokens, unless they are
        nucleus. Without a nucleus channel, or where it is even, the rest of the cell is one compartment.
    """
    cell = _coverage(inside, grid) >= _HALF
    edge = cell & ~binary_erosion(cell)
    nuclear = nuclear_pixels(inside, nucleus)
    if nuclear is None:
        return {CELL: cell & ~edge, EDGE: edge, OUTSIDE: ~cell}
    core = cell & (_coverage(nuclear, grid) >= _HALF)
    return {NUCLEUS: core, CYTOPLASM: cell & ~core & ~edge, EDGE: edge & ~core, OUTSIDE: ~cell}


def nuclear_pixels(inside: np.ndarray, nucleus: np.ndarray | None) -> np.ndarray | None:
    """Return where the nucleus is in a crop, (Y, X) bool; None without a nucleus channel or in an even one."""
    if nucleus is None or not inside.any():
        return None
    values = nucleus[inside].astype(np.float64)
    if values.max() <= values.min():
        return None
    return inside & (nucleus > threshold_otsu(values))


def _coverage(mask: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """Return the share of each token, 0 to 1, that a mask of pixels, (Y, X) bool, covers."""
    side = tuple(-(-n // g) * g for n, g in zip(mask.shape, grid, strict=True))
    fine = resize(mask.astype(np.float64), side, order=0, anti_aliasing=False)
    return fine.reshape(grid[0], side[0] // grid[0], grid[1], side[1] // grid[1]).mean(axis=(1, 3))


def sum_by_compartment(signed_map: np.ndarray, masks: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Sum a signed map, (h, w) in logit units, over each compartment; the sums add up to the map's."""
    return {name: float(signed_map[mask].sum()) for name, mask in masks.items()}


def strongest_compartment(signed_map: np.ndarray, masks: Mapping[str, np.ndarray]) -> str | None:
    """Return the compartment of the token with the largest absolute value; None for a map of zeros."""
    if not np.any(signed_map):
        return None
    at = np.unravel_index(np.abs(signed_map).argmax(), signed_map.shape)
    return next(name for name, mask in masks.items() if mask[at])


def compartment_table(
    explained: Explanations, inside: Sequence[np.ndarray], nuclei: Sequence[np.ndarray | None]
) -> pd.DataFrame:
    """Measure which compartments of some cells their logits come from.

    Parameters
    ----------
    explained : Explanations
    inside : sequence of ndarray of shape (S, S), bool
        True on the cell, for the crop of each.
    nuclei : sequence of ndarray of shape (S, S) or None
        Nucleus channel of each crop, any intensity.

    Returns
    -------
    DataFrame
        One row per cell, indexed by ``cell_id``, in the order of `explained`. ``target`` (class explained), ``logit``,
        ``rest`` (what class token and bias give) and ``energy`` (sum of the map's absolute values) in logit units; for
        each of `COMPARTMENTS` ``sum_`` (signed) and ``for_`` (positive values only) in logit units and ``area_``, its
        share of the crop, 0 to 1; missing where the cell has no such compartment. The sums and the rest add up to the
        logit.

    Raises
    ------
    InputError
        When the number of crops differs from that of the cells.
    """
    if not len(explained.cell_ids) == len(inside) == len(nuclei):
        raise InputError(
            f"{len(explained.cell_ids)} maps but {len(inside)} masks and {len(nuclei)} nucleus channels; give one each"
        )
    rows = [_row(*each) for each in zip(explained.maps, inside, nuclei, strict=True)]
    columns = [f"{start}{name}" for start in (SUM, FOR, AREA) for name in COMPARTMENTS]
    table = pd.DataFrame(rows, columns=columns, index=pd.Index(explained.cell_ids, name="cell_id"), dtype=float)
    table.insert(0, "target", explained.target)
    table.insert(1, "logit", explained.logits.astype(float))
    table.insert(2, "rest", explained.rest.astype(float))
    table.insert(3, "energy", np.abs(explained.maps).sum(axis=(1, 2), dtype=float))
    return table


def _row(signed_map: np.ndarray, inside: np.ndarray, nucleus: np.ndarray | None) -> dict[str, float]:
    row: dict[str, float] = {}
    for name, mask in compartment_masks(inside, nucleus, signed_map.shape).items():
        values = signed_map[mask].astype(float)
        row |= {
            f"{SUM}{name}": values.sum(),
            f"{FOR}{name}": values[values > 0].sum(),
            f"{AREA}{name}": float(mask.mean()),
        }
    return row
