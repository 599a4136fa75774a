"""Calibrate how far a network's outlines can be relied on: the evidence of a second look against truth.

Figures are of images whose set the calibration was not fitted to: each set is left out in turn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.optimize import nnls
from scipy.stats import spearmanr
from sklearn.isotonic import IsotonicRegression

from cellapp.errors import InputError
from cellapp.segmentation.reliability import Calibration
from cellapp.segmentation.second_look import Evidence, as_vector

DIRECTIONS = np.array([1, 1, 1, 1, 1, -1])  # of the numbers of `Evidence`: all but the last are better where higher
RIDGE = 0.1  # pulls the weights together, as the numbers say nearly the same
LEVEL = 0.9  # share of images in the interval
NEIGHBOURS = 30  # images of the nearest scores, whose errors make the interval
MIN_IMAGES, MIN_SETS = 20, 3


@dataclass(frozen=True, eq=False)
class JudgedImage:
    """A labelled image that a network was tried on."""

    name: str
    group: str  # the set it is from
    evidence: Evidence
    reached: float  # average precision at an intersection over union of 0.5


def fit_calibration(images: Sequence[JudgedImage]) -> tuple[Calibration, dict[str, Any]]:
    """Fit a calibration; sets count alike whatever their sizes.

    A sum of the numbers of the evidence with weights that are not negative predicts the average precision, an isotonic
    regression makes it a calibrated one, and the interval is conformal (Lei et al. 2018): quantiles of the errors that
    images of the nearest scores have where their set is left out.

    Parameters
    ----------
    images : sequence of JudgedImage
        At least 20 of at least three sets.

    Returns
    -------
    calibration : Calibration
    figures : dict
        Of left-out sets, as plain JSON values: rank correlation of expected and reached, share inside the interval.

    Raises
    ------
    InputError
        When there are fewer images or sets.
    """
    sets = sorted({image.group for image in images})
    if len(images) < MIN_IMAGES or len(sets) < MIN_SETS:
        raise InputError(
            f"a calibration needs {MIN_IMAGES} labelled images with cells from {MIN_SETS} sets; "
            f"got {len(images)} from {len(sets)}"
        )
    expected = _left_out(images)
    calibration = _with_interval(_fit(images), images, expected)
    return calibration, _figures(images, expected, _intervals_left_out(images, expected))


def _fit(images: Sequence[JudgedImage]) -> Calibration:
    """Fit weights and the curve, without an interval."""
    numbers, reached, share = _arrays(images)
    centre = share @ numbers
    spread = np.maximum(np.sqrt(share @ (numbers - centre) ** 2), 1e-6) * DIRECTIONS
    root = np.sqrt(share)
    rows = np.vstack([(numbers - centre) / spread * root[:, None], math.sqrt(RIDGE) * np.eye(numbers.shape[1])])
    weights = nnls(rows, np.concatenate([(reached - share @ reached) * root, np.zeros(numbers.shape[1])]))[0] / spread
    score = (numbers - centre) @ weights
    curve = IsotonicRegression().fit(score, reached, sample_weight=share)
    scores, values = _knots(score, curve.predict(score), share)
    return Calibration(centre, weights, scores, values, values, values)


def _arrays(images: Sequence[JudgedImage]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return numbers, (N, 6), reached figures, (N,), and how much each image counts, (N,), in sum 1."""
    sizes = {group: sum(image.group == group for image in images) for group in {image.group for image in images}}
    share = np.array([1 / math.sqrt(sizes[image.group]) for image in images])
    numbers = np.stack([as_vector(image.evidence) for image in images])
    return numbers, np.array([image.reached for image in images]), share / share.sum()


def _knots(score: np.ndarray, values: np.ndarray, share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the middle of each step of an isotonic curve, so that it rises between and orders images on a step."""
    steps = np.unique(values)
    parts = [values == step for step in steps]
    return np.array([np.average(score[part], weights=share[part]) for part in parts]), steps


def _left_out(images: Sequence[JudgedImage]) -> np.ndarray:
    """Return what is expected of each image by a calibration fitted without its set, (N,) float."""
    expected = np.zeros(len(images))
    for group in {image.group for image in images}:
        calibration = _fit([image for image in images if image.group != group])
        for at, image in enumerate(images):
            if image.group == group:
                expected[at] = calibration.expect(image.evidence)[0]
    return expected


def _with_interval(calibration: Calibration, images: Sequence[JudgedImage], expected: np.ndarray) -> Calibration:
    """Add the interval: `expected` is what was expected of each image where its set was left out."""
    numbers, reached, _ = _arrays(images)
    score, errors = (numbers - calibration.centre) @ calibration.weights, reached - expected
    lower, upper = [], []
    for knot, value in zip(calibration.scores, calibration.expected, strict=True):
        near = np.sort(errors[np.argsort(abs(score - knot))[:NEIGHBOURS]])
        beyond = math.floor((1 - LEVEL) / 2 * (len(near) + 1))  # so many errors lie beyond each end
        lower.append(value + min(near[max(beyond - 1, 0)], 0))
        upper.append(value + max(near[-max(beyond, 1)], 0))
    return replace(calibration, lower=np.clip(lower, 0, 1), upper=np.clip(upper, 0, 1))


def _intervals_left_out(images: Sequence[JudgedImage], expected: np.ndarray) -> np.ndarray:
    """Return whether what each image reached lies in an interval made without its set, (N,) bool."""
    inside = np.zeros(len(images), bool)
    for group in {image.group for image in images}:
        others = [at for at, image in enumerate(images) if image.group != group]
        rest = [images[at] for at in others]
        calibration = _with_interval(_fit(rest), rest, expected[others])
        for at in set(range(len(images))) - set(others):
            _, low, high = calibration.expect(images[at].evidence)
            inside[at] = low <= images[at].reached <= high
    return inside


def _figures(images: Sequence[JudgedImage], expected: np.ndarray, inside: np.ndarray) -> dict[str, Any]:
    reached = np.array([image.reached for image in images])

    def row(part: np.ndarray) -> dict[str, Any]:
        varied = part.sum() > 2 and np.ptp(reached[part]) > 0 and np.ptp(expected[part]) > 0
        return {
            "n_images": int(part.sum()),
            "reached": round(float(reached[part].mean()), 3),
            "expected": round(float(expected[part].mean()), 3),
            "rank_correlation": round(float(spearmanr(expected[part], reached[part])[0]), 3) if varied else None,
            "in_interval": round(float(inside[part].mean()), 3),
        }

    groups = np.array([image.group for image in images])
    return row(np.ones(len(images), bool)) | {"sets": {name: row(groups == name) for name in sorted({*groups})}}
