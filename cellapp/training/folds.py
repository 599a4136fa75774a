"""Folds in which cells that share a slide, plate or patient stay together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold


def split_groups(
    codes: np.ndarray, groups: np.ndarray, classes: Sequence[str], *, folds: int, seed: int
) -> np.ndarray | str:
    """Deal cells into folds so that a group is never on both sides.

    Parameters
    ----------
    codes : ndarray of shape (N,)
    groups : ndarray of shape (N,), str
    classes : sequence of str
    folds : int
        At most this many; fewer when a class has fewer groups.
    seed : int

    Returns
    -------
    ndarray of shape (N,), int, or str
        Fold of each cell, or why they cannot be split.
    """
    per_class = {c: len(np.unique(groups[codes == k])) for k, c in enumerate(classes)}
    fewest = min(per_class, key=lambda c: per_class[c])
    if per_class[fewest] < 2:
        return f"not validated: class {fewest!r} comes from one group only; label cells of a second slide or patient"
    splitter = StratifiedGroupKFold(max(2, min(folds, per_class[fewest])), shuffle=True, random_state=seed)
    fold_of = np.zeros(len(groups), int)
    for fold, (kept, held_out) in enumerate(splitter.split(codes, codes, groups)):
        if len(np.unique(codes[kept])) < len(classes):
            return "not validated: the groups cannot be split so that every class is on both sides; label more groups"
        fold_of[held_out] = fold
    return fold_of
