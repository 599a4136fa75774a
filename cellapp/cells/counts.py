"""Counts of cells by outcome and class, with confidence intervals; pages, tables and reports all count by these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan, sqrt

import pandas as pd

from cellapp.cells.answer import counted_apart

Z_95 = 1.959963984540054


@dataclass(frozen=True)
class Fraction:
    """A share with its 95 % Wilson interval, all 0 to 1; `value` is NaN when there is nothing to count."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Counts:
    """Cells of one image or of several by `outcome`."""

    n_cells: int  # all segmented cells
    n_rejected: int  # by the quality filter
    n_unsure: int
    n_unclassified: int  # accepted cells without any class: no head was used
    n_of: Mapping[str, int]  # class -> accepted, sure cells of it; every class of the head is there
    n_apart: int = 0  # unlike the training cells, where they are the majority, see `counted_apart`

    @property
    def n_called(self) -> int:
        """Cells with a class: accepted and sure. The denominator of every fraction."""
        return sum(self.n_of.values())

    def fraction(self, name: str) -> Fraction:
        """Return the share of class `name` among the cells that have one; rejected and unsure cells count nowhere."""
        n, k = self.n_called, self.n_of.get(name, 0)
        return Fraction(k / n if n else nan, *wilson(k, n))


def classes_of(cells: pd.DataFrame) -> tuple[str, ...]:
    """Return the classes a cell table has probabilities of, in the order of its columns; none without a head."""
    return tuple(str(name).removeprefix("p_") for name in cells.columns if str(name).startswith("p_"))


def count(cells: pd.DataFrame, classes: Sequence[str]) -> Counts:
    """Count cells by outcome.

    Parameters
    ----------
    cells : DataFrame
        A cell table with at least `qc_pass`.
    classes : sequence of str
        Classes of the head; empty without one. Further classes given by hand are added after them.
    """
    n_by_outcome = outcome(cells).value_counts()
    special = {UNSURE, REJECTED, UNCLASSIFIED, UNLIKE}
    by_hand = sorted(str(name) for name in n_by_outcome.index if name not in special and name not in classes)
    return Counts(
        n_cells=len(cells),
        n_rejected=int(n_by_outcome.get(REJECTED, 0)),
        n_unsure=int(n_by_outcome.get(UNSURE, 0)),
        n_unclassified=int(n_by_outcome.get(UNCLASSIFIED, 0)),
        n_of={name: int(n_by_outcome.get(name, 0)) for name in (*classes, *by_hand)},
        n_apart=int(n_by_outcome.get(UNLIKE, 0)),
    )


def wilson(k: int, n: int, z: float = Z_95) -> tuple[float, float]:
    """Return the Wilson score interval of a share (Wilson 1927); 0 to 1 when nothing was counted.

    Parameters
    ----------
    k, n : int
        `k` of `n` cells.
    z : float
        Normal quantile, 1.96 for 95 %.
    """
    if n == 0:
        return 0.0, 1.0
    # scipy.stats.binomtest().proportion_ci gives the same in 300 times the time, and takes half a second to import.
    centre = (k + z**2 / 2) / (n + z**2)
    half = z * sqrt(k * (n - k) / n + z**2 / 4) / (n + z**2)
    return max(centre - half, 0.0), min(centre + half, 1.0)


UNSURE, REJECTED, UNCLASSIFIED, UNLIKE = "unsure", "rejected", "cell", "unlike training"
RESERVED = frozenset({UNSURE, REJECTED, UNCLASSIFIED, UNLIKE, "cells", "classified", "unlike_training"})
"""Names no class may have: summaries count other things under them."""


def outcome(cells: pd.DataFrame) -> pd.Series:
    """Return what each cell counts as.

    A manual class (`manual_label`) takes precedence; then the quality filter ("rejected"), then being one of a majority
    unlike the training cells, then a probability below the threshold ("unsure"), then the label of the head. Without a
    head every accepted cell is a "cell".

    Parameters
    ----------
    cells : DataFrame
        A cell table with at least `qc_pass`; `label`, `unsure`, `unlike_training` and `manual_label` where they exist.
        All cells of an image, or of the images that a column `image_id` tells apart.

    Returns
    -------
    Series of str, indexed by cell_id, named "outcome"
    """
    result = pd.Series(UNCLASSIFIED, index=cells.index, name="outcome", dtype=object)
    if "label" in cells:
        result = result.mask(cells["label"].fillna("") != "", cells["label"])
        result = result.mask(cells["unsure"].fillna(False).astype(bool), UNSURE)
        result = result.mask(counted_apart(cells), UNLIKE)
    result = result.mask(~cells["qc_pass"].astype(bool), REJECTED)
    if "manual_label" in cells:
        result = result.mask(cells["manual_label"].fillna("") != "", cells["manual_label"])
    return result.astype(object)
