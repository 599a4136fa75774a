"""What is decided once for a slide, so that a tile of it is segmented as the whole would be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from cellapp.segmentation.confluency import ThresholdRound
from cellapp.segmentation.diameter import resolve_diameter
from cellapp.segmentation.foreground import GlobalThreshold
from cellapp.segmentation.input_planes import Polarity
from cellapp.settings import SegmentSettings
from cellapp.types.image import Role
from cellapp.types.protocols import Segmenter

DIAMETER_WINDOWS = 4  # looked at for the diameter; their median is the slide's


@dataclass(frozen=True)
class Thresholds:
    """Where a slide is cut in two; None where its sample showed nothing and each tile looks for itself."""

    body: GlobalThreshold | None = None
    nucleus: GlobalThreshold | None = None
    rounds: tuple[ThresholdRound, ...] | None = None  # of the iterative method


@dataclass(frozen=True)
class SlideFit:
    """Decisions about one slide; small, and the same on every machine that cuts its tiles."""

    diameter_px: float
    polarity: Polarity
    thresholds: Thresholds | None = None  # where the segmenter is a `ThresholdFitter`


@runtime_checkable
class ThresholdFitter(Protocol):
    """A segmenter that decides more than size and polarity on the slide."""

    def fit(
        self, sample: np.ndarray, roles: Sequence[Role], settings: SegmentSettings, polarity: Polarity
    ) -> Thresholds:
        """Decide on a sample of the slide, (C, Y, X) float32; the answer comes back in `SlideFit.thresholds`."""
        ...


def fit_slide(
    windows: Sequence[np.ndarray],
    roles: Sequence[Role],
    segmenter: Segmenter,
    settings: SegmentSettings,
    um_per_px: float | None = None,
) -> SlideFit:
    """Decide on diameter, polarity and thresholds from windows of a slide.

    Parameters
    ----------
    windows : sequence of ndarray of shape (C, h, w), float32
        Processed pixels, all of one size; the whole image where it is small.
    roles : sequence of Role
    segmenter : Segmenter
    settings : SegmentSettings
    um_per_px : float, optional
        Needed where the diameter is in um.

    Raises
    ------
    InputError
        When the diameter is in um and the pixel size is unknown.
    """
    diameter_px = _diameter_px(windows, roles, segmenter, settings, um_per_px)
    # Windows lie side by side: a few cells are cut where they meet, which moves no threshold.
    sample = windows[0] if len(windows) == 1 else np.concatenate(windows, axis=2)
    polarity = Polarity.of(sample, roles)
    fixed = settings.model_copy(update={"diameter": diameter_px, "diameter_unit": "px"})
    thresholds = segmenter.fit(sample, roles, fixed, polarity) if isinstance(segmenter, ThresholdFitter) else None
    return SlideFit(diameter_px, polarity, thresholds)


def _diameter_px(
    windows: Sequence[np.ndarray],
    roles: Sequence[Role],
    segmenter: Segmenter,
    settings: SegmentSettings,
    um_per_px: float | None,
) -> float:
    n_looks = 1 if settings.diameter is not None else min(DIAMETER_WINDOWS, len(windows))
    looked = [windows[at * len(windows) // n_looks] for at in range(n_looks)]
    return float(np.median([resolve_diameter(settings, um_per_px, w, roles, segmenter=segmenter) for w in looked]))
