"""Train a linear head on frozen vectors and measure it on groups it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold

from cellapp.classification.head import LinearHead
from cellapp.classification.novelty import fit_cloud
from cellapp.classification.table import positive_class
from cellapp.classification.validate import cross_calibrate, fit_temperature, measure_calls
from cellapp.errors import InputError
from cellapp.settings import CropSettings, PreprocessSettings

REGULARISATION = 0.1  # scikit-learn's C on standardised features: strong, vectors are wide and labelled cells few
_MAX_ITERATIONS = 2000
_LIMIT_PERCENTILE = 99.0


@dataclass(frozen=True, eq=False)
class LabelledVectors:
    """Training cells: what an encoder said of them, what a person said, and what they share.

    Cells of one slide, plate or patient look alike whatever their class; only held-out groups make a figure honest.
    """

    features: np.ndarray  # (N, 2 D), see `Embeddings.features`
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


@dataclass(frozen=True, eq=False)
class Purpose:
    """What a new head is called and belongs to."""

    name: str
    encoder: str  # "name@revision"
    trained_on: str  # one sentence for every page that shows a call
    crop: CropSettings = field(default_factory=CropSettings)
    preprocess: PreprocessSettings = field(default_factory=PreprocessSettings)
    positive: str | None = None  # None takes "cancer" where it exists, else the last class


def fit(data: LabelledVectors, purpose: Purpose, *, folds: int = 5, seed: int = 0) -> LinearHead:
    """Train a logistic regression, calibrated and measured on held-out groups.

    Each fold holds out whole groups. Temperature, figures and the limit for "unlike the training cells" all come from
    held-out cells; the weights from all cells.

    Parameters
    ----------
    data : LabelledVectors
    purpose : Purpose
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
    head = _fit_plain(data, _positive(purpose, data.classes), purpose)
    split = _split(data, folds, seed)
    if isinstance(split, str):
        return replace(head, metrics={"validated": False, "reason": split})
    return _with_validation(head, data, split)


def _positive(purpose: Purpose, classes: tuple[str, ...]) -> str:
    positive = purpose.positive or positive_class(classes)
    if positive not in classes:
        raise InputError(f"the positive class {positive!r} is none of {', '.join(classes)}; name one of these")
    return positive


def _fit_plain(data: LabelledVectors, positive: str, purpose: Purpose) -> LinearHead:
    """Fit weights and training cloud on all cells of `data`, nothing held out."""
    mean = data.features.mean(axis=0, dtype=np.float64)
    spread = data.features.std(axis=0, dtype=np.float64)
    std = np.where(spread > 1e-6, spread, 1.0)
    features, codes = (data.features - mean) / std, data.codes
    model = LogisticRegression(C=REGULARISATION, max_iter=_MAX_ITERATIONS).fit(features, codes)
    weight, bias = model.coef_, model.intercept_
    if len(data.classes) == 2:  # one row of log-odds; half to each side gives the same softmax
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    return LinearHead(
        name=purpose.name,
        weight=weight.astype(np.float32),
        bias=bias.astype(np.float32),
        mean=mean.astype(np.float32),
        std=std.astype(np.float32),
        classes=data.classes,
        encoder=purpose.encoder,
        positive=positive,
        crop=purpose.crop,
        preprocess=purpose.preprocess,
        trained_on=purpose.trained_on,
        cloud=fit_cloud(features, codes, len(data.classes)),
    )


def _split(data: LabelledVectors, folds: int, seed: int) -> np.ndarray | str:
    """Fold of each cell, (N,) int, or why the cells cannot be split by group."""
    groups = np.asarray(data.groups, dtype=object).astype(str)
    per_class = {c: len(np.unique(groups[data.codes == k])) for k, c in enumerate(data.classes)}
    fewest = min(per_class, key=lambda c: per_class[c])
    if per_class[fewest] < 2:
        return f"not validated: class {fewest!r} comes from one group only; label cells of a second slide or patient"
    splitter = StratifiedGroupKFold(max(2, min(folds, per_class[fewest])), shuffle=True, random_state=seed)
    fold_of = np.zeros(len(groups), int)
    for fold, (kept, held_out) in enumerate(splitter.split(data.features, data.codes, groups)):
        if len(np.unique(data.codes[kept])) < len(data.classes):
            return "not validated: the groups cannot be split so that every class is on both sides; label more groups"
        fold_of[held_out] = fold
    return fold_of


def _with_validation(head: LinearHead, data: LabelledVectors, fold_of: np.ndarray) -> LinearHead:
    codes = data.codes
    scores, distances = np.zeros((len(codes), len(data.classes))), np.zeros(len(codes))
    for fold in np.unique(fold_of):
        held_out = fold_of == fold
        part = _fit_plain(_subset(data, ~held_out), head.positive, _purpose(head))
        scores[held_out] = part.scores(data.features[held_out])
        distances[held_out] = part.cloud.distance(part.standardise(data.features[held_out]))
    figures: dict[str, Any] = {
        "validated": True,
        "n_groups": len(set(data.groups)),
        "n_folds": len(np.unique(fold_of)),
        **measure_calls(cross_calibrate(scores, codes, fold_of), codes, data.classes, head.positive),
    }
    limit = float(np.percentile(distances, _LIMIT_PERCENTILE))
    return replace(
        head,
        temperature=fit_temperature(scores, codes),
        calibrated=True,
        metrics=figures,
        cloud=replace(head.cloud, limit=limit),
    )


def _subset(data: LabelledVectors, rows: np.ndarray) -> LabelledVectors:
    labels, groups = (np.asarray(values, dtype=object)[rows].tolist() for values in (data.labels, data.groups))
    return LabelledVectors(data.features[rows], labels, groups)


def _purpose(head: LinearHead) -> Purpose:
    return Purpose(head.name, head.encoder, head.trained_on, head.crop, head.preprocess, head.positive)
