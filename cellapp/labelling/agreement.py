"""How far people who labelled the same cells agree, beyond what chance would give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import nan

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Agreement:
    """Two people on the cells that both of them labelled."""

    people: tuple[str, str]
    n_cells: int
    n_same: int  # cells that both gave the same class
    kappa: float  # Cohen's: 1 is full agreement, 0 that of chance; NaN where both gave one class only


def cohen_kappa(first: Sequence[str], second: Sequence[str]) -> float:
    """Return Cohen's kappa of two lists of classes (Cohen 1960), without weights.

    Parameters
    ----------
    first, second : sequence of str
        N classes each, of the same cells.

    Returns
    -------
    float
        NaN for no cells, and where chance alone gives full agreement.
    """
    if not len(first):
        return nan
    one, other = np.asarray(first, dtype=object), np.asarray(second, dtype=object)
    observed = float(np.mean(one == other))
    expected = sum(float(np.mean(one == name)) * float(np.mean(other == name)) for name in {*one, *other})
    return (observed - expected) / (1 - expected) if expected < 1 else nan


def agreements(words: pd.DataFrame) -> tuple[Agreement, ...]:
    """Compare every two people who labelled a cell in common.

    Parameters
    ----------
    words : DataFrame
        `image_id`, `cell_id`, `who`, `class_name`: the last word of each person on each cell, see
        `cellapp.labelling.words.last_words`.

    Returns
    -------
    tuple of Agreement
        By name; none where nobody looked at another one's cells.
    """
    by_person = {
        who: part.set_index(["image_id", "cell_id"])["class_name"] for who, part in words.groupby("who", sort=True)
    }
    found = []
    for one, other in combinations(by_person, 2):
        both = pd.concat([by_person[one], by_person[other]], axis=1, join="inner")
        if len(both):
            first, second = both.iloc[:, 0].tolist(), both.iloc[:, 1].tolist()
            n_same = sum(a == b for a, b in zip(first, second, strict=True))
            found.append(Agreement((one, other), len(both), n_same, cohen_kappa(first, second)))
    return tuple(found)
