"""Compartments of a cell, from its mask and its nucleus, and the parts of a signed map that lie in each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.ndimage import distance_transform_edt
from skimage.transform import resize

from cellapp.errors import InputError
from cellapp.types.cells import Explanations

NUCLEUS, RIM, CYTOPLASM, CELL, EDGE, OUTSIDE = "nucleus", "rim", "cytoplasm", "cell", "edge", "outside"
COMPARTMENTS = (NUCLEUS, RIM, CYTOPLASM, CELL, EDGE, OUTSIDE)
"""Every compartment there can be, from the middle of a cell outwards; the last is the rest of the crop."""

COMPARTMENT_NAMES = {
    NUCLEUS: "in the nucleus",
    RIM: "at the rim of the nucleus",
    CYTOPLASM: "in the cytoplasm",
    CELL: "inside the cell",
    EDGE: "at the cell's edge",
    OUTSIDE: "outside the cell",
}

EDGE_WIDTH = 0.15
"""Width of the cell's edge, and half the width of the rim of the nucleus, in radii of a disc of the same area."""

SUM, FOR, AREA, SHARE, EFFECT = "sum_", "for_", "area_", "share_", "effect_"
"""Starts of column names; a compartment follows the first four, a channel the last."""

OF_COMPARTMENTS = tuple(f"{start}{name}" for start in (SUM, FOR, AREA, SHARE) for name in COMPARTMENTS)
"""Columns of `compartment_table` about compartments."""


def compartment_masks(inside: np.ndarray, nucleus: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """Divide a crop into compartments.

    Parameters
    ----------
    inside : ndarray of shape (Y, X), bool
        True on the cell.
    nucleus : ndarray of shape (Y, X), bool, optional
        True on its nucleus.

    Returns
    -------
    dict of compartment to ndarray of shape (Y, X), bool
        They do not overlap and cover the crop. The rim are the pixels of the cell near the outline of the nucleus, on
        both sides, and the edge those near the outline of the cell, or near the end of the crop, unless they are
        nucleus or rim; see `EDGE_WIDTH`, and at least one pixel each way. Without a nucleus the rest of the cell is one
        compartment.
    """
    near_edge = _depth(inside) <= _width(inside)
    if nucleus is None or not (nucleus & inside).any():
        return {CELL: inside & ~near_edge, EDGE: inside & near_edge, OUTSIDE: ~inside}
    nucleus = nucleus & inside
    width = _width(nucleus)
    rim = inside & np.where(nucleus, _depth(nucleus) <= width, distance_transform_edt(~nucleus) <= width)
    rest = inside & ~nucleus & ~rim
    return {
        NUCLEUS: nucleus & ~rim,
        RIM: rim,
        CYTOPLASM: rest & ~near_edge,
        EDGE: rest & near_edge,
        OUTSIDE: ~inside,
    }


def _depth(mask: np.ndarray) -> np.ndarray:
    """Return how far each pixel is from the nearest one outside the mask; all is outside beyond the crop."""
    return distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]


def _width(mask: np.ndarray) -> float:
    return max(1.0, EDGE_WIDTH * np.sqrt(mask.sum() / np.pi))


def compartment_shares(inside: np.ndarray, nucleus: np.ndarray | None, grid: tuple[int, int]) -> dict[str, np.ndarray]:
    """Return which share of each token each compartment covers.

    A rim is often thinner than a token: tokens are divided, and not given to one compartment.

    Parameters
    ----------
    inside, nucleus
        See `compartment_masks`.
    grid : tuple of int
        Rows and columns of the map.

    Returns
    -------
    dict of compartment to ndarray of shape `grid`, float64
        0 to 1; the shares of a token sum to 1.
    """
    return {name: _coverage(mask, grid) for name, mask in compartment_masks(inside, nucleus).items()}


def _coverage(mask: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """Return the share of each token, 0 to 1, that a mask of pixels, (Y, X) bool, covers."""
    side = tuple(-(-n // g) * g for n, g in zip(mask.shape, grid, strict=True))
    fine = resize(mask.astype(np.float64), side, order=0, anti_aliasing=False)
    return fine.reshape(grid[0], side[0] // grid[0], grid[1], side[1] // grid[1]).mean(axis=(1, 3))


def sum_by_compartment(signed_map: np.ndarray, shares: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Sum a signed map, (h, w) in logit units, over each compartment; the sums add up to the map's."""
    return {name: float((signed_map * share).sum()) for name, share in shares.items()}


def strongest_compartment(signed_map: np.ndarray, shares: Mapping[str, np.ndarray]) -> str | None:
    """Return the compartment with most of the token with the largest absolute value; None for a map of zeros."""
    if not np.any(signed_map):
        return None
    at = np.unravel_index(np.abs(signed_map).argmax(), signed_map.shape)
    return max(shares, key=lambda name: shares[name][at])


def compartment_table(
    explained: Explanations, inside: Sequence[np.ndarray], nuclei: Sequence[np.ndarray | None]
) -> pd.DataFrame:
    """Measure which compartments of some cells their logits come from.

    Parameters
    ----------
    explained : Explanations
    inside : sequence of ndarray of shape (S, S), bool
        True on the cell, for the crop of each.
    nuclei : sequence of ndarray of shape (S, S), bool, or None
        True on the nucleus of each.

    Returns
    -------
    DataFrame
        One row per cell, indexed by ``cell_id``, in the order of `explained`. ``target`` (class explained), ``logit``,
        ``rest`` (what class token and bias give) and ``energy`` (sum of the map's absolute values) in logit units; for
        each of `COMPARTMENTS` ``sum_`` (signed) and ``for_`` (positive values only) in logit units, ``area_``, its
        share of the crop, and ``share_``, its share of the energy, 0 to 1; missing where the cell has no such
        compartment, shares also where the map is zero. The sums and the rest add up to the logit.

    Raises
    ------
    InputError
        When the number of crops differs from that of the cells.
    """
    if not len(explained.cell_ids) == len(inside) == len(nuclei):
        raise InputError(
            f"{len(explained.cell_ids)} maps but {len(inside)} masks and {len(nuclei)} nuclei; give one each"
        )
    rows = [_row(*each) for each in zip(explained.maps, inside, nuclei, strict=True)]
    table = pd.DataFrame(
        rows, columns=list(OF_COMPARTMENTS), index=pd.Index(explained.cell_ids, name="cell_id"), dtype=float
    )
    table.insert(0, "target", explained.target)
    table.insert(1, "logit", explained.logits.astype(float))
    table.insert(2, "rest", explained.rest.astype(float))
    table.insert(3, "energy", np.abs(explained.maps).sum(axis=(1, 2), dtype=float))
    return table


def _row(signed_map: np.ndarray, inside: np.ndarray, nucleus: np.ndarray | None) -> dict[str, float]:
    row: dict[str, float] = {}
    values = signed_map.astype(float)
    energy = np.abs(values).sum()
    for name, share in compartment_shares(inside, nucleus, signed_map.shape).items():
        row |= {
            f"{SUM}{name}": (values * share).sum(),
            f"{FOR}{name}": (np.maximum(values, 0) * share).sum(),
            f"{AREA}{name}": float(share.mean()),
            f"{SHARE}{name}": (np.abs(values) * share).sum() / energy if energy else np.nan,
        }
    return row
