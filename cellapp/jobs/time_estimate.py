"""How long a run will take on this machine: a part per image, per pixel and per cell, fitted to earlier runs."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

import numpy as np
from scipy.optimize import nnls

from cellapp.pipeline.progress import rough_duration
from cellapp.settings import AnalyseSettings
from cellapp.store.records import ImageRecord, RunImage, RunRecord

TYPICAL = np.array([1.5, 1.2, 0.015])
"""Seconds per image, per megapixel and per cell of the bundled models on two cores. Only their ratio counts once an
image has been measured, and less the more there are."""
PULL = 0.05  # weight of the typical rates beside that of a measured image
TYPICAL_CELLS = 150.0  # per megapixel, before any image has been counted
PREVIEW_SHARE = 0.8  # of the part per megapixel: what a preview times is finding cells
LEAST_SPREAD = 0.2
"""An estimate is never told as surer than this, as other work on the machine changes it by as much."""


class Estimate(NamedTuple):
    """Seconds between which a run is expected to take."""

    low_s: float
    high_s: float

    def __str__(self) -> str:
        low, high = rough_duration(self.low_s), rough_duration(self.high_s)
        if low == high:
            return low
        same_unit = low.split()[-1] == high.split()[-1]
        return f"{low.split()[0] if same_unit else low} to {high}"


def expected_time(
    chosen: Sequence[ImageRecord],
    records: Sequence[ImageRecord],
    runs: Sequence[RunRecord],
    settings: AnalyseSettings,
    *,
    preview_s_per_px: float | None = None,
) -> Estimate | None:
    """Estimate the seconds a run takes.

    Parameters
    ----------
    chosen : sequence of ImageRecord
        Images to be analysed.
    records : sequence of ImageRecord
        Those and others, which earlier runs may have analysed.
    runs : sequence of RunRecord
        Earlier runs on this machine; those with the same segmenter and head count.
    settings : AnalyseSettings
    preview_s_per_px : float, optional
        Seconds per pixel of the region previewed, for when there is no earlier run.

    Returns
    -------
    Estimate or None
        None without an earlier run and without a preview.
    """
    pixels = {record.id: record.info.pixels for record in records}
    measured = [(row, pixels[row.image_id]) for row in _measured(runs, settings) if row.image_id in pixels]
    asked = _parts(chosen, measured)
    if not measured:
        if not preview_s_per_px:
            return None
        seconds = float(asked @ (TYPICAL * preview_s_per_px * 1e6 * PREVIEW_SHARE / TYPICAL[1]))
        return Estimate(seconds / 2, seconds * 2)
    known = np.array([[1, px / 1e6, row.n_cells or 0] for row, px in measured], float)
    took = np.array([row.summary["seconds"] for row, _ in measured], float)
    rates = fit_rates(known, took)
    off = np.abs(np.log(took / (known @ rates)))
    spread = max(LEAST_SPREAD, float(np.quantile(off, 0.9))) + LEAST_SPREAD / len(took)
    seconds = float(asked @ rates)
    return Estimate(seconds * np.exp(-spread), seconds * np.exp(spread))


def fit_rates(known: np.ndarray, took: np.ndarray) -> np.ndarray:
    """Fit seconds per image, megapixel and cell, none below zero, to relative errors.

    Parameters
    ----------
    known : ndarray of shape (N, 3)
        1, megapixels and cells of each image that has been analysed.
    took : ndarray of shape (N,)
        Seconds, above 0.

    Returns
    -------
    ndarray of shape (3,)
        Near `TYPICAL` times the speed of this machine where images are few or alike.
    """
    near = TYPICAL * median(took / (known @ TYPICAL))
    wanted = np.concatenate([np.ones(len(took)), np.full(len(near), PULL)])
    return nnls(np.vstack([known / took[:, None], np.diag(PULL / near)]), wanted)[0]


def _measured(runs: Sequence[RunRecord], settings: AnalyseSettings) -> list[RunImage]:
    models = settings.segment.segmenter, settings.classify.head
    return [
        row
        for run in runs
        if (run.settings.segment.segmenter, run.settings.classify.head) == models
        for row in run.images
        if row.summary.get("seconds")
    ]


def _parts(chosen: Sequence[ImageRecord], measured: Sequence[tuple[RunImage, int]]) -> np.ndarray:
    """Return images, megapixels and cells of a run, (3,); cells as counted last, or as dense as where they were."""
    counted = {row.image_id: row.n_cells or 0 for row, _ in measured}
    density = median([(row.n_cells or 0) / px for row, px in measured]) if measured else TYPICAL_CELLS / 1e6
    n_px = [record.info.pixels for record in chosen]
    n_cells = [counted.get(record.id, density * px) for record, px in zip(chosen, n_px, strict=True)]
    return np.array([len(chosen), sum(n_px) / 1e6, sum(n_cells)], float)
