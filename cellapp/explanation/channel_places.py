"""Which channel a logit comes from in which place of the cell: both at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from cellapp.explanation.compartments import COMPARTMENTS, SHARE, SUM
from cellapp.types.cells import Explanations


def channel_places(
    whole: Explanations, without: Mapping[str, Explanations], shares: Sequence[Mapping[str, np.ndarray]]
) -> pd.DataFrame:
    """Measure what each channel gives to the logit in each compartment of some cells.

    What a channel gives to a square of the map is the exact map less that of the same cell without the channel. A
    network mixes channels: what two give only together is counted for both.

    Parameters
    ----------
    whole : Explanations
        Exact maps of the cells.
    without : mapping of channel name to Explanations
        Exact maps of the same cells with the channel black.
    shares : sequence of mapping of compartment to ndarray of shape (h, w)
        Which share of each square each compartment covers, for each cell; see
        `cellapp.explanation.compartments.compartment_shares`.

    Returns
    -------
    DataFrame
        A row per cell, indexed by ``cell_id``. ``sum_<compartment>_<channel>``, signed, in logit units: over all
        compartments they sum to the effect of the channel less what it gives by the class token.
        ``share_<compartment>_<channel>``, 0 to 1: its part of the absolute values of all channels and compartments,
        which sum to 1. Missing where a cell has no such compartment, shares also where no channel changes the map.
    """
    given = {name: whole.maps.astype(float) - maps.maps for name, maps in without.items()}
    rows = [_row({name: maps[i] for name, maps in given.items()}, there) for i, there in enumerate(shares)]
    columns = [place_column(start, place, name) for name in without for start in (SUM, SHARE) for place in COMPARTMENTS]
    return pd.DataFrame(rows, columns=columns, index=pd.Index(whole.cell_ids, name="cell_id"), dtype=float)


def place_column(start: str, place: str, channel: str) -> str:
    """Return the name of a column; `start` is `SUM` or `SHARE`."""
    return f"{start}{place}_{channel}"


def _row(given: Mapping[str, np.ndarray], shares: Mapping[str, np.ndarray]) -> dict[str, float]:
    total = sum(float(np.abs(values).sum()) for values in given.values())
    row: dict[str, float] = {}
    for name, values in given.items():
        for place, share in shares.items():
            row[place_column(SUM, place, name)] = float((values * share).sum())
            row[place_column(SHARE, place, name)] = float((np.abs(values) * share).sum()) / total if total else np.nan
    return row
