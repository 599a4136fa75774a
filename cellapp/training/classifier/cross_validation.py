"""Train a linear head on frozen vectors and measure it on groups it has not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from cellapp.classification.cell_columns import default_positive
from cellapp.classification.head import LinearHead
from cellapp.classification.novelty import fit_novelty
from cellapp.errors import InputError
from cellapp.settings import CropSettings, FeatureSettings, PreprocessSettings
from cellapp.training.calibration import cross_calibrate, fit_temperature
from cellapp.training.classifier.logistic_regression import choose_strength, fit_linear
from cellapp.training.folds import split_groups
from cellapp.training.metrics import measure_calls

_LIMIT_PERCENTILE = 99.0


@dataclass(frozen=True, eq=False)
class LabelledVectors:
    """Training cells: what an encoder said of them, what a person said, and what they share.

    Cells of one slide, plate or patient look alike whatever their class; only held-out groups make a figure honest.
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


@dataclass(frozen=True, eq=False)
class HeadSpec:
    """What a new head is called and belongs to."""

    name: str
    encoder: str  # "name@revision"
    trained_on: str  # one sentence for every page that shows a call
    crop: CropSettings = field(default_factory=CropSettings)
    preprocess: PreprocessSettings = field(default_factory=PreprocessSettings)
    positive: str | None = None  # None takes "cancer" where it exists, else the first class
    reads: FeatureSettings = field(default_factory=FeatureSettings)
    training: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class HeldOut:
    """What was said of each cell by a model that had not seen its group."""

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
    spec : Purpose
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
    """Train a head as `fit` does and return what was said of each cell while it was held out, too.

    Returns
    -------
    head : LinearHead
    held_out : HeldOut or None
        None when the groups cannot be split.
    """
    strength = choose_strength(data.features, data.codes, data.group_names, seed)
    head = _fit_plain(data, spec, strength)
    split = split_groups(data.codes, data.group_names, data.classes, folds=folds, seed=seed)
    if isinstance(split, str):
        return replace(head, metrics={"validated": False, "reason": split}), None
    held_out = hold_out(data, spec, split, seed=seed)
    figures: dict[str, Any] = {
        "validated": True,
        "n_groups": len(set(data.groups)),
        "n_folds": len(np.unique(split)),
        "regularisation": strength,
        **measure_calls(held_out.probabilities, data.codes, data.classes, head.positive),
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
    """Ask of each cell a head that never saw its group, its regularisation and calibration included.

    Parameters
    ----------
    data : LabelledVectors
    spec : Purpose
    fold_of : ndarray of shape (N,)
        See `cellapp.training.folds.split_groups`.
    seed : int
        Decides the inner folds on which the regularisation is chosen.
    """
    scores, distances = np.zeros((len(fold_of), len(data.classes))), np.zeros(len(fold_of))
    for fold in np.unique(fold_of):
        here, kept = fold_of == fold, _subset(data, fold_of != fold)
        part = _fit_plain(kept, spec, choose_strength(kept.features, kept.codes, kept.group_names, seed))
        scores[here] = part.scores(data.features[here])
        distances[here] = part.novelty.distance(part.standardise(data.features[here]))
    return HeldOut(fold_of, scores, cross_calibrate(scores, data.codes, fold_of), distances)


def _positive(spec: HeadSpec, classes: tuple[str, ...]) -> str:
    positive = spec.positive or default_positive(classes)
    if positive not in classes:
        raise InputError(f"the positive class {positive!r} is none of {', '.join(classes)}; name one of these")
    return positive


def _fit_plain(data: LabelledVectors, spec: HeadSpec, strength: float) -> LinearHead:
    """Fit weights and training cloud on all cells of `data`, nothing held out."""
    found = fit_linear(data.features, data.codes, strength)
    return LinearHead(
        name=spec.name,
        weight=found.weight.astype(np.float32),
        bias=found.bias.astype(np.float32),
        mean=found.mean.astype(np.float32),
        std=found.std.astype(np.float32),
        classes=data.classes,
        encoder=spec.encoder,
        positive=_positive(spec, data.classes),
        crop=spec.crop,
        preprocess=spec.preprocess,
        reads=spec.reads,
        trained_on=spec.trained_on,
        training=spec.training,
        novelty=fit_novelty((data.features - found.mean) / found.std, data.codes, len(data.classes)),
    )


def _subset(data: LabelledVectors, rows: np.ndarray) -> LabelledVectors:
    labels, groups = (np.asarray(values, dtype=object)[rows].tolist() for values in (data.labels, data.groups))
    return LabelledVectors(data.features[rows], labels, groups)
