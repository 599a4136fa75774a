"""What differs between batches (slides, plates, days) and not between classes, taken out of vectors before a fit.

A correction is fitted to the training part of a fold and is affine, so that it becomes part of the weights of the head:
a new slide needs no statistics of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from cellapp.errors import InputError
from cellapp.evaluation.scores import measure_calls
from cellapp.training.classifier.labelled_vectors import LabelledVectors

BatchMethod = Literal["none", "scale", "controls"]
"""``scale`` gives each training batch mean 0 and standard deviation 1, by its controls where a control class is named,
else by all its cells; cells of other batches are scaled as training batches are on average. ``controls`` turns all
vectors onto the principal axes of the control cells within their class and shrinks the axes on which they vary most
(whitening; typical variation normalisation, Ando et al. 2017, doi:10.1101/161422)."""

_MAX_AXES = 64
_MIN_CONTROLS = 10
_MIN_STD = 0.02  # of the median feature's


@dataclass(frozen=True)
class BatchEffects:
    """How batch effects are taken out; the groups of the cells are their batches."""

    method: BatchMethod = "none"
    control: str | None = None  # class of the controls


@dataclass(frozen=True, eq=False)
class Correction:
    """Affine map of vectors: standardised, then shrunk along some axes."""

    shift: np.ndarray  # (F,)
    std: np.ndarray  # (F,), positive
    axes: np.ndarray  # (R, F), orthonormal rows
    gains: np.ndarray  # (R,): factor along each axis; 1 across all of them

    def apply(self, features: np.ndarray) -> np.ndarray:
        """Correct features, (N, F)."""
        return self._shrink((features - self.shift) / self.std)

    def pull_back(self, weights: np.ndarray) -> np.ndarray:
        """Return weights, (K, F), of corrected features as weights of features that are standardised alone."""
        return self._shrink(weights)

    def _shrink(self, rows: np.ndarray) -> np.ndarray:
        return rows + ((rows @ self.axes.T) * (self.gains - 1)) @ self.axes


def fit_correction(data: LabelledVectors, effects: BatchEffects) -> tuple[Correction, np.ndarray]:
    """Fit a correction to training cells.

    Parameters
    ----------
    data : LabelledVectors
        Training cells alone.
    effects : BatchEffects
        Not "none".

    Returns
    -------
    correction : Correction
        For cells of any batch.
    features : ndarray of shape (N, F), float64
        The training cells, corrected by their own batches.

    Raises
    ------
    InputError
        When the control class is missing or has too few cells, or a batch holds one class only and no controls.
    """
    features = data.features.astype(np.float64)
    controls = _controls(data, effects)
    if effects.method == "scale":
        return _by_batch(features, data, controls)
    correction = _by_controls(features[controls])
    return correction, correction.apply(features)


def batch_share(features: np.ndarray, codes: np.ndarray, batches: np.ndarray) -> float:
    """Return the share of the variance of vectors within classes that lies between batches, 0 to 1.

    Parameters
    ----------
    features : ndarray of shape (N, F)
    codes : ndarray of shape (N,), int
    batches : ndarray of shape (N,), str
    """
    _, names = np.unique(batches, return_inverse=True)
    between = total = 0.0
    for code in np.unique(codes):
        rows = features[codes == code].astype(np.float64)
        rows, batch = rows - rows.mean(axis=0), names[codes == code]
        total += float((rows**2).sum())
        between += sum(
            float(len(rows[batch == b]) * (rows[batch == b].mean(axis=0) ** 2).sum()) for b in np.unique(batch)
        )
    return between / total if total else 0.0


def batch_report(
    data: LabelledVectors, effects: BatchEffects, before: np.ndarray, after: np.ndarray, positive: str
) -> dict[str, Any]:
    """Say what taking batch effects out has changed.

    Parameters
    ----------
    data : LabelledVectors
    effects : BatchEffects
    before, after : ndarray of shape (N, K)
        Held-out probabilities of the same folds, without and with the correction.
    positive : str

    Returns
    -------
    dict
        ``method``, ``control``, ``n_batches``, and ``before`` and ``after``, each with ``batch_share`` of the training
        vectors (see `batch_share`), and ``balanced_accuracy`` and ``auc`` of held-out cells.
    """
    pure, codes, batches = data.pure, data.codes, data.group_names
    plain = data.features.astype(np.float64)
    vectors = {"before": plain / _floored(plain.std(axis=0)), "after": fit_correction(data, effects)[1]}
    report: dict[str, Any] = {"method": effects.method, "control": effects.control, "n_batches": len(set(batches))}
    for when, probabilities in (("before", before), ("after", after)):
        figures = measure_calls(probabilities[pure], codes[pure], data.classes, positive)
        share = batch_share(vectors[when][pure], codes[pure], batches[pure])
        report[when] = {"batch_share": round(share, 4)} | {name: figures[name] for name in ("balanced_accuracy", "auc")}
    return report


def _controls(data: LabelledVectors, effects: BatchEffects) -> np.ndarray:
    """Return the control cells, (N,) bool; of "scale" without a control class all."""
    if effects.control is None and effects.method == "scale":
        return np.ones(len(data.labels), bool)
    if effects.control not in data.classes:
        named = "none is named" if effects.control is None else f"{effects.control!r} is no class"
        raise InputError(
            f"batch effects are learnt from control cells, and {named}; name one of {', '.join(data.classes)}"
        )
    controls = np.asarray(data.labels, dtype=object).astype(str) == effects.control
    if controls.sum() < _MIN_CONTROLS:
        raise InputError(
            f"batch effects are learnt from at least {_MIN_CONTROLS} control cells in each training part; "
            f"{effects.control!r} has {controls.sum()}: label more of it"
        )
    return controls


def _by_batch(features: np.ndarray, data: LabelledVectors, controls: np.ndarray) -> tuple[Correction, np.ndarray]:
    batches, statistics = data.group_names, {}
    for batch in np.unique(batches):
        here = batches == batch
        if controls.all() and len(np.unique(data.codes[here])) < len(data.classes):
            raise InputError(
                f"batch {batch!r} does not hold every class, and scaling it by all its cells would take the classes "
                "out, too; name with --control a class that every batch holds, or photograph every class in each batch"
            )
        if (here & controls).sum() > 1:
            rows = features[here & controls]
            statistics[batch] = rows.mean(axis=0), _floored(rows.std(axis=0))
    if not statistics:
        raise InputError("no batch has two control cells to be scaled by; name another control class")
    shift = np.mean([mean for mean, _ in statistics.values()], axis=0)
    std = np.sqrt(np.mean([std**2 for _, std in statistics.values()], axis=0))
    corrected = (features - shift) / std
    for batch, (mean, deviation) in statistics.items():
        here = batches == batch
        corrected[here] = (features[here] - mean) / deviation
    return Correction(shift, std, np.zeros((0, features.shape[1])), np.zeros(0)), corrected


def _by_controls(controls: np.ndarray) -> Correction:
    shift, std = controls.mean(axis=0), _floored(controls.std(axis=0))
    rows = (controls - shift) / std
    _, singular, axes = np.linalg.svd(rows, full_matrices=False)
    variances = singular**2 / max(len(rows) - 1, 1)
    kept = min(_MAX_AXES, int((variances > 1e-9).sum()))
    rest = variances[kept:].sum() / max(controls.shape[1] - kept, 1)
    # axes of less variance than the typical feature are left as they are: nothing there is due to batches
    typical = max(rest, float(variances.sum()) / controls.shape[1])
    return Correction(shift, std, axes[:kept], np.sqrt(np.minimum(typical / np.maximum(variances[:kept], 1e-12), 1.0)))


def _floored(std: np.ndarray) -> np.ndarray:
    return np.maximum(std, max(_MIN_STD * float(np.median(std)), 1e-6))
