"""How long a run or an explanation will take on this machine, from what earlier work took on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from cellapp.settings import AnalyseSettings
from cellapp.store.records import ImageRecord, RunRecord

_PREVIEW_SHARE = 0.4  # of an analysis, finding cells takes this part; only used before the first run has been measured


def run_seconds(
    records: Sequence[ImageRecord],
    runs: Sequence[RunRecord],
    settings: AnalyseSettings,
    *,
    preview_s_per_px: float | None = None,
) -> float | None:
    """Estimate the seconds a run takes.

    Parameters
    ----------
    records : sequence of ImageRecord
        Images to be analysed.
    runs : sequence of RunRecord
        Earlier runs on this machine; those with the same segmenter and head count.
    settings : AnalyseSettings
    preview_s_per_px : float, optional
        Seconds per pixel of the region tried just now, for when there is no earlier run.

    Returns
    -------
    float or None
        None when nothing is known.
    """
    n_px = sum(record.info.pixels for record in records)
    known = _seconds_per_px(records, runs, settings)
    if known is not None:
        return known * n_px
    return preview_s_per_px * n_px / _PREVIEW_SHARE if preview_s_per_px else None


def explain_seconds(made_by: Mapping[str, Any], n_cells: int, *, passes: float = 1.0) -> float | None:
    """Estimate the seconds of sending cells through the encoder once more.

    Parameters
    ----------
    made_by : mapping
        ``run.json`` of an image of the run: what its cells took then.
    n_cells : int
    passes : float
        How often each goes through the encoder.

    Returns
    -------
    float or None
        None when the run says nothing of it.
    """
    took, summary = made_by.get("seconds", {}).get("classify"), made_by.get("summary", {})
    n_classified = summary.get("n_cells", 0) - summary.get("n_rejected", 0)
    return took / n_classified * n_cells * passes if took is not None and n_classified > 0 else None


def overview_passes(made_by: Mapping[str, Any]) -> int:
    """Return how often `cellapp.pipeline.explain_cells.explain_cells` sends a cell through the encoder."""
    n_channels = len(made_by.get("image", {}).get("channels", ()))
    return 1 + (n_channels if n_channels > 1 else 0)


def _seconds_per_px(
    records: Sequence[ImageRecord], runs: Sequence[RunRecord], settings: AnalyseSettings
) -> float | None:
    pixels = {record.id: record.info.pixels for record in records}
    alike = [run for run in runs if _models(run.settings) == _models(settings)]
    found = [
        row.summary["seconds"] / pixels[row.image_id]
        for run in alike
        for row in run.images
        if row.summary.get("seconds") and row.image_id in pixels
    ]
    return median(found) if found else None


def _models(settings: AnalyseSettings) -> tuple[str, str | None]:
    return settings.segment.segmenter, settings.classify.head
