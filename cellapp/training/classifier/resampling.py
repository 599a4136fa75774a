"""Training rows of classes that differ in number: resampled by imbalanced-learn, or weighted.

Only the training part of a fold ever comes here: a held-out cell is neither copied, nor dropped, nor a neighbour.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from cellapp.errors import InputError

if TYPE_CHECKING:
    from imblearn.base import BaseSampler

Resample = Literal["none", "over", "under", "enn", "tomek", "smote"]
"""Random copies of cells of small classes; random cells of large classes left out; cells of large classes left out that
most of their 3 neighbours contradict (edited nearest neighbours, Wilson 1972) or that pair with their nearest neighbour
of another class (Tomek 1976); cells made up between neighbours of small classes near the border (Borderline-SMOTE 1,
Han et al. 2005)."""

_SMOTE_NEIGHBOURS, _BORDER_NEIGHBOURS = 5, 10


@dataclass(frozen=True)
class Balance:
    """How classes of different numbers of cells get even influence."""

    resample: Resample = "none"
    class_weights: bool = False
    """Weight each cell by the inverse of the number of its class."""
    seed: int = 0


def resample_rows(
    features: np.ndarray, codes: np.ndarray, how: Resample, *, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Resample training cells.

    Parameters
    ----------
    features : ndarray of shape (N, F)
        Standardised, so that neighbours are near in every feature.
    codes : ndarray of shape (N,), int
        Class of each cell.
    how : str
        See `Resample`.
    seed : int

    Returns
    -------
    features : ndarray of shape (M, F)
    codes : ndarray of shape (M,)

    Raises
    ------
    InputError
        When a class has too few cells for it, or would lose all.
    """
    if how == "none":
        return features, codes
    fewest = int(np.bincount(codes)[np.unique(codes)].min())
    if how == "smote" and fewest < 2:
        raise InputError(
            "Borderline-SMOTE makes cells up between two of a class, and a class has one in the training part of a "
            "fold; label more of it, or choose --resample over"
        )
    rows, resampled = _sampler(how, fewest, len(codes), seed).fit_resample(features, codes)
    if len(np.unique(resampled)) < len(np.unique(codes)):
        raise InputError(
            f"--resample {how} leaves no cell of a class: its neighbours are all of other classes; choose another way"
        )
    return rows, resampled


def training_rows(
    features: np.ndarray, targets: np.ndarray, balance: Balance
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return what a classifier is fitted to.

    Cells of one class are resampled. A field of a known mixture is never: it comes once per class, weighted by the
    share of the class, which makes the loss the cross-entropy against its shares.

    Parameters
    ----------
    features : ndarray of shape (N, F)
        Standardised.
    targets : ndarray of shape (N,) int or (N, K) float
        Class of each row, or the share of each class in it.
    balance : Balance

    Returns
    -------
    features : ndarray of shape (M, F)
    codes : ndarray of shape (M,), int
    weights : ndarray of shape (M,), or None
        None where all are 1.
    """
    shares = np.eye(int(targets.max()) + 1)[targets] if targets.ndim == 1 else targets
    pure = shares.max(axis=1) == 1
    rows, codes = resample_rows(features[pure], shares[pure].argmax(axis=1), balance.resample, seed=balance.seed)
    if pure.all() and not balance.class_weights:
        return rows, codes, None
    mixed_row, mixed_class = np.nonzero(shares[~pure])
    rows = np.concatenate([rows, features[~pure][mixed_row]])
    weights = np.concatenate([np.ones(len(codes)), shares[~pure][mixed_row, mixed_class]])
    codes = np.concatenate([codes, mixed_class])
    if balance.class_weights:
        per_class = np.bincount(codes, weights, minlength=shares.shape[1])
        weights = weights * (weights.sum() / len(per_class) / per_class)[codes]
    return rows, codes, weights


def _sampler(how: Resample, fewest: int, n: int, seed: int) -> BaseSampler:
    from imblearn.over_sampling import BorderlineSMOTE, RandomOverSampler
    from imblearn.under_sampling import EditedNearestNeighbours, RandomUnderSampler, TomekLinks

    if how == "smote":
        near, border = min(_SMOTE_NEIGHBOURS, fewest - 1), min(_BORDER_NEIGHBOURS, n - 1)
        return BorderlineSMOTE(random_state=seed, k_neighbors=near, m_neighbors=border, kind="borderline-1")
    return {
        "over": lambda: RandomOverSampler(random_state=seed),
        "under": lambda: RandomUnderSampler(random_state=seed),
        "enn": lambda: EditedNearestNeighbours(n_neighbors=min(3, n - 1)),
        "tomek": lambda: TomekLinks(),
    }[how]()
