"""Fit a linear head to vectors of labelled cells and measure it on groups it was not fitted to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from cellapp.classification.cell_columns import default_positive
from cellapp.classification.head import LinearHead
from cellapp.classification.novelty import fit_novelty
from cellapp.errors import InputError
from cellapp.evaluation.scores import measure_calls
from cellapp.settings import CropSettings, FeatureSettings, PreprocessSettings
from cellapp.training.calibration import cross_calibrate, fit_temperature
from cellapp.training.classifier.logistic_regression import choose_strength, fit_logistic, per_class
from cellapp.training.folds import split_groups

_LIMIT_PERCENTILE = 99.0


@dataclass(frozen=True, eq=False)
class LabelledVectors:
    """Vectors of training cells with the class and the group of each.

    Cells of one group (slide, plate or patient) look alike whatever their class, so that only figures on held-out
    groups say how a head does on new ones.
    """

    features: np.ndarray  # (N, F), see `Embeddings.features`
    labels: Sequence[str]  # N class names
    groups: Sequence[str]  # N slides, plates or patients

    def __post_init__(self) -> None:
        n_cells = len(self.features)
        if len(self.labels) != n_cells or len(self.groups) != n_cells:
            raise InputError(
                f"{n_cells} vectors, {len(self.labels)} labels, {len(self.groups)} groups; give one of each"
            )
        if not np.isfinite(self.features).all():
            raise InputError("training vectors hold missing or infinite numbers; encode the cells again")
        if len(self.classes) < 2:
            raise InputError(f"training needs cells of at least two classes; got {', '.join(self.classes) or 'none'}")

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, sorted."""
        return tuple(sorted(set(self.labels)))

    @property
    def codes(self) -> np.ndarray:
        """Class of each cell as a number, (N,) int."""
        return np.searchsorted(self.classes, np.asarray(self.labels, dtype=object).astype(str))

    @property
    def group_names(self) -> np.ndarray:
        """Group of each cell, (N,) str."""
        return np.asarray(self.groups, dtype=object).astype(str)

    def subset(self, rows: np.ndarray) -> LabelledVectors:
        """Select cells by a mask, (N,) bool."""
        labels, groups = (np.asarray(values, dtype=object)[rows].tolist() for values in (self.labels, self.groups))
        return LabelledVectors(self.features[rows], labels, groups)


@dataclass(frozen=True, eq=False)
class HeadSpec:
    """Fields of a new head that are not fitted, by the names of `LinearHead`."""

    name: str
    encoder: str  # "name@revision"
    trained_on: str  # one sentence for every page that shows a call
    crop: CropSettings = field(default_factory=CropSettings)
    preprocess: PreprocessSettings = field(default_factory=PreprocessSettings)
    positive: str | None = None  # None takes "cancer" where it exists, else the first class
    reads: FeatureSettings = field(default_factory=FeatureSettings)
    training: Mapping[str, Any] = field(default_factory=dict)
    demonstration: str = ""


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Output of cross-validation: for each cell that of a head fitted without the cell's group."""

    fold_of: np.ndarray  # (N,) int
    scores: np.ndarray  # (N, K) before calibration
    probabilities: np.ndarray  # (N, K), calibrated on the other folds
    distances: np.ndarray  # (N,) from the training cells of the fold, see `NoveltyDetector.distance`


def fit(data: LabelledVectors, spec: HeadSpec, *, folds: int = 5, seed: int = 0) -> LinearHead:
    """Train a head and measure it.

    Temperature, figures and the limit of "unlike the training cells" come from held-out cells; the weights from all.

    Parameters
    ----------
    data : LabelledVectors
    spec : HeadSpec
    folds : int
        At most this many; fewer when a class has fewer groups.
    seed : int
        Decides the folds.

    Returns
    -------
    LinearHead
        ``metrics["validated"]`` is False, with ``metrics["reason"]``, when a class has fewer than two groups; such a
        head is not calibrated and never finds a cell unlike its training.

    Raises
    ------
    InputError
        When the positive class is none of the classes.
    """
    return fit_and_hold_out(data, spec, folds=folds, seed=seed)[0]


def fit_and_hold_out(
    data: LabelledVectors, spec: HeadSpec, *, folds: int = 5, seed: int = 0
) -> tuple[LinearHead, HeldOut | None]:
    """Train a head as `fit` does, and return its cross-validation, too.

    Returns
    -------
    head : LinearHead
    held_out : HeldOut or None
        None when the groups cannot be split.
    """
    strength = choose_strength(data.features, data.codes, data.group_names, seed)
    head = _fit_all(data, spec, strength)
    fold_of = split_groups(data.codes, data.group_names, data.classes, folds=folds, seed=seed)
    if isinstance(fold_of, str):
        return replace(head, metrics={"validated": False, "reason": fold_of}), None
    held_out = hold_out(data, spec, fold_of, seed=seed)
    figures: dict[str, Any] = {
        **measure_calls(held_out.probabilities, data.codes, data.classes, head.positive),
        "validated": True,
        "n_groups": len(set(data.groups)),
        "n_folds": len(np.unique(fold_of)),
        "regularisation": strength,
    }
    head = replace(
        head,
        temperature=fit_temperature(held_out.scores, data.codes),
        calibrated=True,
        metrics=figures,
        novelty=replace(head.novelty, limit=float(np.percentile(held_out.distances, _LIMIT_PERCENTILE))),
    )
    return head, held_out


def hold_out(data: LabelledVectors, spec: HeadSpec, fold_of: np.ndarray, *, seed: int) -> HeldOut:
    """Cross-validate: regularisation, weights and calibration of each fold come from the other folds alone.

    Parameters
    ----------
    data : LabelledVectors
    spec : HeadSpec
    fold_of : ndarray of shape (N,), int
        See `cellapp.training.folds.split_groups`.
    seed : int
        Decides the inner folds on which the regularisation is chosen.
    """
    # cross_val_predict fits once for one output; scores and distances would take it two fits of each fold.
    scores, distances = np.zeros((len(fold_of), len(data.classes))), np.zeros(len(fold_of))
    for fold in np.unique(fold_of):
        rows, rest = fold_of == fold, data.subset(fold_of != fold)
        head = _fit_all(rest, spec, choose_strength(rest.features, rest.codes, rest.group_names, seed))
        scores[rows] = head.scores(data.features[rows])
        distances[rows] = head.novelty.distance(head.standardise(data.features[rows]))
    return HeldOut(fold_of, scores, cross_calibrate(scores, data.codes, fold_of), distances)


def _fit_all(data: LabelledVectors, spec: HeadSpec, strength: float) -> LinearHead:
    """Fit weights and novelty detector to all cells of `data`, without a temperature."""
    positive = spec.positive or default_positive(data.classes)
    if positive not in data.classes:
        raise InputError(f"the positive class {positive!r} is none of {', '.join(data.classes)}; name one of these")
    pipeline = fit_logistic(data.features, data.codes, strength)
    scaler, regression = pipeline
    return LinearHead(
        **vars(spec) | {"positive": positive},
        weight=per_class(regression.coef_).astype(np.float32),
        bias=per_class(regression.intercept_).astype(np.float32),
        mean=scaler.mean_.astype(np.float32),
        std=scaler.scale_.astype(np.float32),
        classes=data.classes,
        novelty=fit_novelty((data.features - scaler.mean_) / scaler.scale_, data.codes, len(data.classes)),
    )
