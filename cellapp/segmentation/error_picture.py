"""A picture of what a segmentation found, missed, doubled and merged."""

from __future__ import annotations

import numpy as np

from cellapp.rendering.annotations import draw_outlines, legend, magnify
from cellapp.segmentation.agreement import Agreement, Outcome
from cellapp.segmentation.label_image import resize_labels

COLOURS = {
    Outcome.FOUND: "#009E73",
    Outcome.MISSED: "#D55E00",
    Outcome.DOUBLED: "#E69F00",
    Outcome.MERGED: "#56B4E9",
    Outcome.EXTRA: "#CC79A7",
}  # Okabe and Ito 2008
WORDS = {
    Outcome.FOUND: "found",
    Outcome.MISSED: "missed",
    Outcome.DOUBLED: "doubled (split)",
    Outcome.MERGED: "merged",
    Outcome.EXTRA: "not in the truth",
}
_GROUND = 40  # gray level of cells where there is no image
_SIDE_PX, _LEAST_PX = 2048, 1024


def draw_errors(agreement: Agreement, picture: np.ndarray | None = None) -> np.ndarray:
    """Draw predicted outlines by what became of each cell, and the true outlines of missed and merged ones.

    Parameters
    ----------
    agreement : Agreement
    picture : ndarray of shape (y, x, 3), uint8, optional
        The image at any scale; true cells in gray where there is none, at most 2048 px.

    Returns
    -------
    ndarray of shape (y + legend, x, 3), uint8
        Small images are magnified. The legend counts true cells, and predicted ones of what is not in the truth.
    """
    found = agreement.overlaps
    shape = picture.shape[:2] if picture is not None else _at_most(found.truth.shape)
    pred, truth = _at_scale(found.pred, shape), _at_scale(found.truth, shape)
    if picture is None:
        picture = np.where(truth[:, :, None] > 0, np.uint8(_GROUND), np.uint8(0)).repeat(3, axis=2)
    factor = max(1, min(4, _LEAST_PX // max(shape)))  # so that outlines of small images are thin
    pred, truth, picture = (magnify(one, factor) for one in (pred, truth, picture))
    width = 1 + max(picture.shape) // 1200
    not_alone = {Outcome.MISSED, Outcome.MERGED}
    drawn = draw_outlines(picture, truth, _colours(agreement.true, not_alone), width_px=width)
    drawn = draw_outlines(drawn, pred, _colours(agreement.predicted, set(Outcome)), width_px=width)
    return np.concatenate([drawn, legend(drawn.shape[1], _entries(agreement))])


def _entries(agreement: Agreement) -> list[tuple[str, str, str]]:
    n_of = {outcome: int((agreement.true == outcome).sum()) for outcome in Outcome}
    n_of[Outcome.EXTRA] = int((agreement.predicted == Outcome.EXTRA).sum())
    return [("", f"{WORDS[outcome]} {n:,}", COLOURS[outcome]) for outcome, n in n_of.items()]


def _colours(outcomes: np.ndarray, shown: set[Outcome]) -> dict[int, str]:
    return {cell_id: COLOURS[outcome] for cell_id, outcome in enumerate(outcomes, start=1) if outcome in shown}


def _at_most(shape: tuple[int, ...]) -> tuple[int, int]:
    scale = min(1.0, _SIDE_PX / max(shape))
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))


def _at_scale(labels: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return labels if labels.shape == tuple(shape) else resize_labels(labels, (shape[0], shape[1]))
