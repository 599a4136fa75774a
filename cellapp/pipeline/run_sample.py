"""Cells drawn from a run to stand for all: some hundreds say what thousands would, in seconds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cellapp.cells.counts import outcome
from cellapp.exports.tables import read_cells

CELLS = 200
"""At most so many cells of a run are measured: enough to stand for all, and a laptop does them in seconds."""


def sample_run(folder: Path, stems: Sequence[str], n: int = CELLS) -> dict[str, pd.DataFrame]:
    """Draw classified cells of a run, evenly over what they count as.

    Parameters
    ----------
    folder : Path
        Of the run.
    stems : sequence of str
        Folders of its images.
    n : int
        At most so many cells.

    Returns
    -------
    dict of stem to DataFrame
        Rows of each image's cell table; images without a drawn cell are left out.
    """
    tables = {stem: _classified(read_cells(folder / stem / "cells.parquet")) for stem in stems}
    calls = pd.concat([outcome(table) for table in tables.values()], keys=tables) if tables else pd.Series(dtype=object)
    drawn = sample_evenly(calls, n)
    cell_ids = {stem: [cell_id for of, cell_id in drawn if of == stem] for stem in tables}
    return {stem: tables[stem].loc[ids] for stem, ids in cell_ids.items() if ids}


def _classified(cells: pd.DataFrame) -> pd.DataFrame:
    return cells[cells["label"].fillna("") != ""] if "label" in cells else cells.iloc[:0]


def sample_evenly(groups: pd.Series, n: int, seed: int = 0) -> pd.Index:
    """Draw rows at random, as evenly over groups as their sizes allow.

    Parameters
    ----------
    groups : Series
        Group of each row, for example what a cell counts as.
    n : int
        At most so many rows.
    seed : int

    Returns
    -------
    Index
        Index values of the rows, in the order of `groups`. No group has two rows more than another that still has some
        left.
    """
    shuffled = groups.sample(frac=1.0, random_state=seed)
    rank_in_group = shuffled.groupby(shuffled).cumcount().to_numpy()
    drawn = shuffled.index[np.argsort(rank_in_group, kind="stable")[: max(n, 0)]]
    return groups.index[groups.index.isin(drawn)]
