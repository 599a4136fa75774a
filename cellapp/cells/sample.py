"""Which cells stand for all of them where looking at each would take too long."""

from __future__ import annotations

import numpy as np
import pandas as pd


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
    turn = shuffled.groupby(shuffled).cumcount().to_numpy()
    chosen = shuffled.index[np.argsort(turn, kind="stable")[: max(n, 0)]]
    return groups.index[groups.index.isin(chosen)]
