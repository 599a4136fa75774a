"""Cross-validation folds that keep cells of one slide, plate or patient together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold


def split_groups(
    codes: np.ndarray, groups: np.ndarray, classes: Sequence[str], *, folds: int, seed: int
) -> np.ndarray | str:
    """Assign cells to folds so that no group is in two of them.

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
        Fold of each cell, or a sentence why they cannot be split.
    """
    per_class = {c: len(np.unique(groups[codes == k])) for k, c in enumerate(classes)}
    fewest = min(per_class, key=lambda c: per_class[c])
    if per_class[fewest] < 2:
        return (
            f"not validated: class {fewest!r} comes from one group only, and no score could be trusted, because what "
            "tells its cells apart may be that slide and not the class; photograph and label it on a second slide or "
            "patient, best with every class on each"
        )
    splitter = StratifiedGroupKFold(max(2, min(folds, per_class[fewest])), shuffle=True, random_state=seed)
    fold_of = np.zeros(len(groups), int)
    for fold, (training, held_out) in enumerate(splitter.split(codes, codes, groups)):
        if len(np.unique(codes[training])) < len(classes):
            return (
                "not validated: the groups cannot be split so that every class is on both sides, and no score could be "
                "trusted; photograph and label more slides or patients of each class"
            )
        fold_of[held_out] = fold
    return fold_of
