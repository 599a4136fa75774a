"""What differs between batches (slides, plates, days) and not between classes, taken out of vectors before a fit.

A correction is fitted to the training part of a fold and is affine, so that it becomes part of the weights of the head:
a new slide needs no statistics of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from cellapp.errors import InputError
from cellapp.evaluation.control_axes import Correction, fit_to_controls, floored
from cellapp.evaluation.scores import measure_calls
from cellapp.training.classifier.labelled_vectors import LabelledVectors

BatchMethod = Literal["none", "scale", "controls"]
"""``scale`` gives each training batch mean 0 and standard deviation 1, by its controls where a control class is named,
else by all its cells; cells of other batches are scaled as training batches are on average. ``controls`` turns all
vectors onto the principal axes of the control cells within their class and shrinks the axes on which they vary most
(whitening; typical variation normalisation, Ando et al. 2017, doi:10.1101/161422)."""

_MIN_CONTROLS = 10


@dataclass(frozen=True)
class BatchEffects:
    """How batch effects are taken out; the groups of the cells are their batches."""

    method: BatchMethod = "none"
    control: str | None = None  # class of the controls


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
    correction = fit_to_controls(features[controls])
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
    vectors = {"before": plain / floored(plain.std(axis=0)), "after": fit_correction(data, effects)[1]}
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
            statistics[batch] = rows.mean(axis=0), floored(rows.std(axis=0))
    if not statistics:
        raise InputError("no batch has two control cells to be scaled by; name another control class")
    shift = np.mean([mean for mean, _ in statistics.values()], axis=0)
    std = np.sqrt(np.mean([std**2 for _, std in statistics.values()], axis=0))
    corrected = (features - shift) / std
    for batch, (mean, deviation) in statistics.items():
        here = batches == batch
        corrected[here] = (features[here] - mean) / deviation
    return Correction(shift, std, np.zeros((0, features.shape[1])), np.zeros(0)), corrected
