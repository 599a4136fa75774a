"""What maps rest on, cell by cell, as a table: places in the cell and how loud the map is in all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cellapp.errors import InputError
from cellapp.explanation.place import PLACES, regions
from cellapp.types import Explanations

SUM, FOR, AREA, EFFECT = "sum_", "for_", "area_", "effect_"
"""Starts of column names; a place follows the first three, a channel the last."""


def region_table(
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
        each place of `cellapp.explanation.place.PLACES` ``sum_`` (signed) and ``for_`` (what speaks for the class) in
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
    columns = [f"{part}{place}" for part in (SUM, FOR, AREA) for place in PLACES]
    table = pd.DataFrame(rows, columns=columns, index=pd.Index(explained.cell_ids, name="cell_id"), dtype=float)
    table.insert(0, "target", explained.target)
    table.insert(1, "logit", explained.logits.astype(float))
    table.insert(2, "rest", explained.rest.astype(float))
    table.insert(3, "energy", np.abs(explained.maps).sum(axis=(1, 2), dtype=float))
    return table


def _places(heat: np.ndarray, inside: np.ndarray, nucleus: np.ndarray | None) -> dict[str, float]:
    row: dict[str, float] = {}
    for place, where in regions(inside, nucleus, heat.shape).items():
        values = heat[where].astype(float)
        row |= {
            f"{SUM}{place}": values.sum(),
            f"{FOR}{place}": values[values > 0].sum(),
            f"{AREA}{place}": float(where.mean()),
        }
    return row
