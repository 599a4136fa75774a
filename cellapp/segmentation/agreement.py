"""Agreement of label images cell by cell: what was found, missed, doubled and merged, and how far outlines are off."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from scipy import ndimage

from cellapp.segmentation.metrics import Overlaps, average_precision, matched_pairs, overlaps

THRESHOLDS = tuple(step / 100 for step in range(50, 100, 5))
"""IoU from which on two cells match; the mean of the average precision over them is that of the Data Science Bowl."""
LEAST_IOU = 0.5
LEAST_SHARE = 0.5
"""Part of a cell's pixels that has to lie on another one for it to be a part of that one."""


class Outcome(StrEnum):
    """What became of a cell."""

    FOUND = "found"
    MISSED = "missed"
    DOUBLED = "doubled"
    MERGED = "merged"
    EXTRA = "extra"


@dataclass(frozen=True, eq=False)
class Agreement:
    """Agreement of predicted with true cells."""

    ap: dict[float, float]  # average precision by the IoU from which on cells match
    n_found: int  # pairs of IoU 0.5 and more
    hausdorff_px: float | None  # mean over those pairs; None without any
    dice: float  # of the foreground, whatever the cells
    iou: float
    true: np.ndarray  # (n_truth,) of `Outcome`: found, missed, doubled or merged
    predicted: np.ndarray  # (n_pred,) of `Outcome`: found, extra, doubled (a part of a true cell) or merged
    overlaps: Overlaps

    def row(self) -> dict[str, Any]:
        """Return the figures as plain numbers by name.

        Returns
        -------
        dict
            ap50, ap75, dice, iou, n_pred, n_truth; ``ap`` the mean of ap50 to ap95, and each of them; precision, recall
            and f1 at IoU 0.5; ``hausdorff_px``; ``n_missed``, ``n_split`` (true cells), ``n_merged`` and ``n_extra``
            (predicted cells).
        """
        n_pred, n_truth = len(self.predicted), len(self.true)
        ap = {f"ap{round(100 * threshold)}": value for threshold, value in self.ap.items()}
        return {
            **{name: ap[name] for name in ("ap50", "ap75")},
            "dice": self.dice,
            "iou": self.iou,
            "n_pred": n_pred,
            "n_truth": n_truth,
            "precision": _share(self.n_found, n_pred, n_truth),
            "recall": _share(self.n_found, n_truth, n_pred),
            "f1": 2 * self.n_found / (n_pred + n_truth) if n_pred + n_truth else 1.0,
            "hausdorff_px": self.hausdorff_px,
            "n_missed": int((self.true == Outcome.MISSED).sum()),
            "n_split": int((self.true == Outcome.DOUBLED).sum()),
            "n_merged": int((self.predicted == Outcome.MERGED).sum()),
            "n_extra": int((self.predicted == Outcome.EXTRA).sum()),
            "ap": float(np.mean(list(self.ap.values()))),
            **ap,
        }


def compare_labels(pred: np.ndarray, truth: np.ndarray) -> Agreement:
    """Compare predicted cells with true ones, cell by cell.

    A true cell is doubled where two or more predicted cells lie on it, each by half of its own pixels or more. A
    predicted cell is merged where two or more true cells lie on it likewise. A true cell of neither kind that matches
    no predicted one is missed, a predicted one extra; see Caicedo et al. 2019, Cytometry A, for such counts.

    Parameters
    ----------
    pred, truth : ndarray of shape (Y, X), integer
        Label images of one size, 0 is background; ids need not be gapless.

    Raises
    ------
    InputError
        See `cellapp.segmentation.metrics.score_labels`.
    """
    found = overlaps(pred, truth)
    pairs = matched_pairs(found.iou, LEAST_IOU)
    both, either = (
        int(np.count_nonzero(op(found.pred > 0, found.truth > 0))) for op in (np.logical_and, np.logical_or)
    )
    true, predicted = _outcomes(found, pairs)
    return Agreement(
        ap={threshold: average_precision(found.iou, threshold) for threshold in THRESHOLDS},
        n_found=len(pairs[0]),
        hausdorff_px=_mean_hausdorff(found, pairs),
        dice=2 * both / (both + either) if either else 1.0,
        iou=both / either if either else 1.0,
        true=true,
        predicted=predicted,
        overlaps=found,
    )


def mean_figures(rows: Sequence[dict[str, Any]]) -> dict[str, float | None]:
    """Return the mean over images of each figure of `Agreement.row`; images without one are left out of its mean."""
    values = {name: [row[name] for row in rows if row[name] is not None] for name in (rows[0] if rows else ())}
    return {name: float(np.mean(some)) if some else None for name, some in values.items()}


def n_to_correct(rows: Iterable[Mapping[str, Any]]) -> int:
    """Return how many cells somebody would have to correct: those missed, split, merged and extra."""
    return sum(row[name] for row in rows for name in ("n_missed", "n_split", "n_merged", "n_extra"))


def _share(part: int, whole: int, other: int) -> float:
    """Return the share that is right; of no cells all are where there are none on the other side, too."""
    return part / whole if whole else float(other == 0)


def _outcomes(found: Overlaps, pairs: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return what became of each true and of each predicted cell."""
    shared = found.n_px.tocoo()
    of_pred = shared.data >= LEAST_SHARE * found.area_pred[shared.row]  # the predicted cell lies on the true one
    of_truth = shared.data >= LEAST_SHARE * found.area_truth[shared.col]
    doubled = np.bincount(shared.col[of_pred], minlength=len(found.area_truth)) > 1
    merged = np.bincount(shared.row[of_truth], minlength=len(found.area_pred)) > 1
    true = np.full(len(found.area_truth), Outcome.MISSED, object)
    predicted = np.full(len(found.area_pred), Outcome.EXTRA, object)
    predicted[pairs[0]], true[pairs[1]] = Outcome.FOUND, Outcome.FOUND
    true[shared.col[of_truth & merged[shared.row]]], predicted[merged] = Outcome.MERGED, Outcome.MERGED
    parts = of_pred & doubled[shared.col] & ~merged[shared.row]
    predicted[shared.row[parts]], true[doubled] = Outcome.DOUBLED, Outcome.DOUBLED
    return true, predicted


def _mean_hausdorff(found: Overlaps, pairs: tuple[np.ndarray, np.ndarray]) -> float | None:
    """Return the mean over matched cells of the largest distance from a pixel of one to the other, px."""
    if not len(pairs[0]):
        return None
    boxes = ndimage.find_objects(found.pred), ndimage.find_objects(found.truth)
    return float(np.mean([_hausdorff(found, p, t, boxes[0][p], boxes[1][t]) for p, t in zip(*pairs, strict=True)]))


def _hausdorff(found: Overlaps, p: int, t: int, pred_box: tuple[slice, ...], true_box: tuple[slice, ...]) -> float:
    window = tuple(slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(pred_box, true_box, strict=True))
    one, other = found.pred[window] == p + 1, found.truth[window] == t + 1
    far = (ndimage.distance_transform_edt(~inside)[outside].max() for inside, outside in ((one, other), (other, one)))
    return float(max(far))
