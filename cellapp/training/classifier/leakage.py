"""The score that a split by cell would give: only for showing how much it flatters.

Cells of one slide on both sides of the split let a head remember the slide in place of the class (CLANet measured the
difference between splits within and across batches).
"""

from __future__ import annotations

import numpy as np
from sklearn.model_selection import StratifiedKFold

from cellapp.evaluation.scores import score_calls
from cellapp.training.classifier.cross_validation import HeadSpec, hold_out
from cellapp.training.classifier.labelled_vectors import LabelledVectors
from cellapp.training.classifier.resampling import Balance


def leaky_scores(
    data: LabelledVectors,
    spec: HeadSpec,
    positive: str,
    *,
    folds: int = 5,
    seed: int = 0,
    balance: Balance | None = None,
) -> dict[str, float | None] | None:
    """Cross-validate as if the groups were not known.

    Parameters
    ----------
    data : LabelledVectors
        Mixtures are left out.
    spec : HeadSpec
        Of the head whose honest score this stands beside.
    positive : str
    folds, seed, balance
        As for the honest score.

    Returns
    -------
    dict or None
        See `score_calls`; None where a class has fewer than two cells, or every cell is its own group, so that there is
        nothing to leak.
    """
    pure = data.subset(data.pure)
    fewest = int(np.bincount(pure.codes).min())
    if fewest < 2 or len(set(pure.groups)) == len(pure.labels):
        return None
    forgotten = LabelledVectors(pure.features, pure.labels, [str(row) for row in range(len(pure.labels))])
    splitter = StratifiedKFold(min(folds, fewest), shuffle=True, random_state=seed)
    fold_of = np.zeros(len(pure.labels), int)
    for fold, (_, rows) in enumerate(splitter.split(pure.codes, pure.codes)):
        fold_of[rows] = fold
    held_out = hold_out(forgotten, spec, fold_of, seed=seed, balance=balance)
    return score_calls(pure.codes, held_out.probabilities, pure.classes.index(positive))
