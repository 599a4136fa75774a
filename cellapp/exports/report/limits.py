"""What a reader must not conclude from a run: limits that hold always, and those that its own numbers set."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from cellapp.exports.report.counts import ReportImage, called_cells
from cellapp.exports.report.validation import Validation
from cellapp.exports.report.words import percent

MANY_UNLIKE, MANY_UNSURE = 0.1, 0.2
"""Shares of classified cells from which a report warns."""


def limits_of(images: Sequence[ReportImage], validation: Validation) -> list[str]:
    """Return the limits of a run as sentences, the gravest first."""
    called = called_cells(images)
    classified = bool(len(called))
    found = [*_answer(images), *_head(images, validation)] if classified else []
    found += [*_doubtful(images, called), *_sampling(images)] if classified else []
    if any(image.um_per_px is None for image in images):
        found.append("The size of a pixel is not known for every image: sizes in pixels do not compare between scales.")
    if classified:
        found.append(
            "Maps and findings show what the head goes by in these images. They are no proof that this is what makes a "
            "cell one or the other."
        )
    return [*found, "Research use only, not for diagnosis."]


def _answer(images: Sequence[ReportImage]) -> list[str]:
    demonstration = next((image.answer.demonstration for image in images if image.answer.demonstration), "")
    if demonstration:
        return [f"The head is one for show, {demonstration}: its classes are no answer about these cells."]
    unfit = [image.name for image in images if image.answer.unfit]
    if not unfit:
        return []
    return [f"In {len(unfit):,} of {len(images):,} images most cells are unlike the training cells: no answer there."]


def _head(images: Sequence[ReportImage], validation: Validation) -> list[str]:
    found = list(validation.doubts)
    if not validation.scores:
        found.append("There are no figures of how good the head is: take its classes as a guess.")
    elif any(low is None for _, _, low, _ in validation.scores[:1]):
        found.append("The figures of the head have no interval.")
    if any(image.run.get("calibrated") is False for image in images):
        found.append("The probabilities are uncalibrated: they order cells, and are no frequencies.")
    if validation.over:
        found.append(
            f"The head was validated on {validation.over}. Other instruments, stains, cell lines or treatments may "
            "give other errors."
        )
    return found


def _doubtful(images: Sequence[ReportImage], called: pd.DataFrame) -> list[str]:
    n, unsure = len(called), sum(i.counts.n_unsure for i in images)
    unlike = int(called["unlike_training"].fillna(False).astype(bool).sum()) if "unlike_training" in called else 0
    found = []
    if unlike > MANY_UNLIKE * n:
        found.append(
            f"{percent(unlike / n)} of the classified cells are unlike the training cells; of those it was 1 %."
        )
    if unsure > MANY_UNSURE * n:
        found.append(f"{percent(unsure / n)} of the classified cells are unsure and are in no share.")
    return found


def _sampling(images: Sequence[ReportImage]) -> list[str]:
    if len(images) == 1:
        return ["One image says nothing of how images differ: the interval is of sampling cells alone."]
    return [
        "Intervals are of sampling cells. Cells of one image are alike, so that images and treatments differ by more; "
        "compare conditions over images, not over cells."
    ]
