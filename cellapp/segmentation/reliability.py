"""From the evidence of a second look to an expected average precision, by a calibration on labelled images.

The calibration of a network is the file ``reliability.json`` beside its weights, made by
`python -m cellapp score reliability`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cellapp.errors import ModelError, why_unread
from cellapp.files import atomic_write
from cellapp.segmentation.second_look import Evidence, as_vector
from cellapp.types.outlines import DOUBTFUL, UNRELIABLE, OutlineQuality

CALIBRATION = "reliability.json"
BETTER = "cpsam_v2"  # the best general segmenter of the registry


@dataclass(frozen=True, eq=False)
class Calibration:
    """How evidence becomes an expected average precision; fitted by `cellapp.training.segmenter.reliability`."""

    centre: np.ndarray  # (6,) float, of each number of `Evidence`
    weights: np.ndarray  # (6,) float; the score of an image is the weighted sum of its numbers less their centres
    scores: np.ndarray  # (K,) float, ascending
    expected: np.ndarray  # (K,) float, ascending: average precision at those scores, linear in between
    lower: np.ndarray  # (K,) float: ends of the interval that nine in ten images lie in
    upper: np.ndarray  # (K,) float

    def expect(self, evidence: Evidence) -> tuple[float, float, float]:
        """Return the expected average precision at IoU 0.5 and the ends of its interval, each 0 to 1."""
        score = float((as_vector(evidence) - self.centre) @ self.weights)
        expected, low, high = (
            float(np.clip(np.interp(score, self.scores, ends), 0, 1))
            for ends in (self.expected, self.lower, self.upper)
        )
        return expected, min(low, expected), max(high, expected)


def read_calibration(folder: Path, digest: str) -> Calibration | None:
    """Read the calibration beside a network's weights.

    Parameters
    ----------
    folder : Path
    digest : str
        sha256 of the weights: a calibration of others tells nothing of these.

    Returns
    -------
    Calibration or None
        None where there is none for these weights.

    Raises
    ------
    ModelError
        When the file is damaged.
    """
    try:
        content = json.loads((folder / CALIBRATION).read_text(encoding="utf-8"))
        if content["network_sha256"] != digest:
            return None
        return Calibration(**{name: np.array(content[name], float) for name in Calibration.__dataclass_fields__})
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{folder / CALIBRATION} is damaged ({why_unread(error)}): make it again with score reliability, or "
            "delete it"
        ) from error


def write_calibration(calibration: Calibration, digest: str, figures: Mapping[str, Any], folder: Path) -> Path:
    """Write a calibration beside a network's weights.

    Parameters
    ----------
    calibration : Calibration
    digest : str
        sha256 of the weights.
    figures : mapping
        How good it is on images it was not fitted to, as plain JSON values.
    folder : Path
    """
    numbers = {name: getattr(calibration, name).round(4).tolist() for name in Calibration.__dataclass_fields__}
    with atomic_write(folder / CALIBRATION) as part:
        content = json.dumps({"network_sha256": digest, **numbers, "figures": dict(figures)}, indent=1)
        part.write_text(content + "\n", encoding="utf-8")
    return folder / CALIBRATION


def quality_of(segmenter: str, expectation: tuple[float, float, float] | None, why: str = "") -> OutlineQuality:
    """Put an expectation into words.

    Parameters
    ----------
    segmenter : str
        Its name.
    expectation : tuple of float, optional
        From `Calibration.expect`; None where nothing can be told.
    why : str
        Nothing can be told.
    """
    if expectation is None:
        return OutlineQuality(f"Nothing can be told of these outlines: {why}")
    expected, low, high = (round(value, 3) for value in expectation)
    figures = f"expected AP {expected:.1f}, {low:.2g} to {high:.2g}"
    if expected < UNRELIABLE:
        other = "another segmenter" if BETTER in segmenter else BETTER
        words = f"These outlines look unreliable ({figures}): try {other}, or correct three regions and retrain"
    elif expected < DOUBTFUL:
        words = f"Look at these outlines before you use them ({figures})"
    else:
        words = f"These outlines look reliable ({figures})"
    return OutlineQuality(words, expected, low, high)
