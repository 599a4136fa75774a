"""Fit a linear head to all cells given: corrected for batches, balanced, with a detector of cells unlike them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from cellapp.classification.cell_columns import default_positive
from cellapp.classification.head import LinearHead
from cellapp.classification.novelty import fit_novelty
from cellapp.errors import InputError
from cellapp.evaluation.control_axes import Correction
from cellapp.settings import CropSettings, FeatureSettings, PreprocessSettings
from cellapp.training.classifier.batch_effects import BatchEffects, fit_correction
from cellapp.training.classifier.labelled_vectors import LabelledVectors
from cellapp.training.classifier.logistic_regression import STRENGTHS, choose_strength, fit_logistic, per_class
from cellapp.training.classifier.resampling import Balance
from cellapp.training.classifier.strength_path import one_thread


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


@dataclass(frozen=True)
class FitOptions:
    """Choices of a fit that are not properties of the head."""

    seed: int = 0
    balance: Balance = field(default_factory=Balance)
    effects: BatchEffects = field(default_factory=BatchEffects)
    strengths: Sequence[float] = STRENGTHS


def fit_head(data: LabelledVectors, spec: HeadSpec, options: FitOptions) -> tuple[LinearHead, float]:
    """Fit weights and novelty detector to all cells of `data`, without a temperature.

    Parameters
    ----------
    data : LabelledVectors
    spec : HeadSpec
    options : FitOptions

    Returns
    -------
    head : LinearHead
        Of features as they are: a correction of batches is part of its weights.
    strength : float
        Of the regularisation, chosen on held-out groups of these cells.

    Raises
    ------
    InputError
        When the positive class is none of the classes, or batches cannot be corrected.
    """
    positive = spec.positive or default_positive(data.classes)
    if positive not in data.classes:
        raise InputError(f"the positive class {positive!r} is none of {', '.join(data.classes)}; name one of these")
    correction, corrected = _corrected(data, options)
    strength = _strength(corrected, options)
    scaler, regression = fit_logistic(corrected.features, data.shares, strength, options.balance)
    weight, bias, mean, std = per_class(regression.coef_), per_class(regression.intercept_), scaler.mean_, scaler.scale_
    if correction is not None:
        bias = bias - (weight / std) @ mean
        weight, mean, std = correction.pull_back(weight / std), correction.shift, correction.std
    pure, standardised = data.pure, (data.features - mean) / std
    with one_thread():
        novelty = fit_novelty(standardised[pure], data.codes[pure], len(data.classes))
    head = LinearHead(
        **vars(spec) | {"positive": positive},
        weight=weight.astype(np.float32),
        bias=bias.astype(np.float32),
        mean=mean.astype(np.float32),
        std=std.astype(np.float32),
        classes=data.classes,
        novelty=novelty,
    )
    return head, strength


def _corrected(data: LabelledVectors, options: FitOptions) -> tuple[Correction | None, LabelledVectors]:
    """Return the correction of batches that was asked for, and the vectors after it."""
    if options.effects.method == "none":
        return None, data
    correction, features = fit_correction(data, options.effects)
    return correction, replace(data, features=features)


def _strength(data: LabelledVectors, options: FitOptions) -> float:
    """Choose the regularisation on cells of one class, as they are: not resampled, not weighted."""
    pure = data.pure
    cells = data.features[pure], data.codes[pure], data.group_names[pure]
    return choose_strength(*cells, options.seed, options.strengths)
