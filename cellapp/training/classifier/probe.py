"""A linear head for the next minute: fitted anew after every few labels, to rank the cells that have none yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cellapp.errors import InputError
from cellapp.training.classifier.logistic_regression import REGULARISATION, fit_logistic
from cellapp.training.folds import split_groups

MAX_LABELLED = 5_000
"""At most so many labelled cells are fitted to, drawn evenly from the classes: more change no ranking."""

_MAX_HELD_OUT = 1_500
_FOLDS = 3


@dataclass(frozen=True, eq=False)
class Probe:
    """What the labels so far say about all cells; uncalibrated, for ranking and not for counting."""

    classes: tuple[str, ...]  # K, sorted
    probabilities: np.ndarray  # (N, K) float64, uncalibrated
    n_labelled: int  # cells with a label
    n_agree: int | None  # of `n_compared`, cells whose label equals the call of a probe that had not seen their image
    n_compared: int = 0

    @property
    def sentence(self) -> str:
        """How far the labels and the probe agree, for the line under the grid."""
        if self.n_agree is None:
            return "Label cells of each class in at least two images to see how far they can be told apart."
        share = self.n_agree / self.n_compared
        return f"Agrees with {100 * share:.0f} % of {self.n_compared:,} labels in images it had not seen."


def refit(vectors: np.ndarray, labels: Sequence[str], images: Sequence[str], *, seed: int = 0) -> Probe:
    """Fit a linear probe to the labelled cells and call all of them.

    Parameters
    ----------
    vectors : ndarray of shape (N, F)
        Of all cells, see `Embeddings.features`.
    labels : sequence of str
        N classes, "" for cells without one.
    images : sequence of str
        N images the cells are from; the comparison is on images that a probe was not fitted to.
    seed : int
        Decides the folds, and the draw where there are more labels than `MAX_LABELLED`.

    Returns
    -------
    Probe

    Raises
    ------
    InputError
        Fewer than two classes have a label.
    """
    named = np.asarray(labels, dtype=object).astype(str)
    rows = np.flatnonzero(named != "")
    classes, codes = np.unique(named[rows], return_inverse=True)
    if len(classes) < 2:
        found = f"is only {str(classes[0])!r}" if len(classes) else "are none"
        more = "another" if len(classes) else "each"
        raise InputError(f"a classifier needs labels of two classes; there {found} so far: label some of {more}")
    some = _drawn(codes, MAX_LABELLED, seed)
    fitted = fit_logistic(vectors[rows[some]], codes[some], REGULARISATION)
    n_agree, n_compared = _held_out(vectors[rows], codes, np.asarray(images, dtype=object)[rows].astype(str), seed)
    return Probe(tuple(classes.tolist()), fitted.predict_proba(vectors), len(rows), n_agree, n_compared)


def _held_out(vectors: np.ndarray, codes: np.ndarray, images: np.ndarray, seed: int) -> tuple[int | None, int]:
    """Return how many labels probes agree with that had not seen their images, of how many; None without two images."""
    some = _drawn(codes, _MAX_HELD_OUT, seed)
    codes, images = codes[some], images[some]
    fold_of = split_groups(codes, images, [str(code) for code in np.unique(codes)], folds=_FOLDS, seed=seed)
    if isinstance(fold_of, str):
        return None, 0
    n_agree = 0
    for fold in np.unique(fold_of):
        held_out = fold_of == fold
        fitted = fit_logistic(vectors[some[~held_out]], codes[~held_out], REGULARISATION)
        n_agree += int((fitted.predict(vectors[some[held_out]]) == codes[held_out]).sum())
    return n_agree, len(codes)


def _drawn(codes: np.ndarray, most: int, seed: int) -> np.ndarray:
    """Return row numbers of at most `most` cells, sorted; rare classes are kept whole."""
    if len(codes) <= most:
        return np.arange(len(codes))
    shuffled = np.random.default_rng(seed).permutation(len(codes))
    rank = np.empty(len(codes), np.int64)
    for code in np.unique(codes):
        of_class = shuffled[codes[shuffled] == code]
        rank[of_class] = np.arange(len(of_class))
    return np.sort(np.argsort(rank, kind="stable")[:most])
