"""Diameter, polarity and thresholds of a slide, found once so that its tiles are segmented as the whole would be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from cellapp.segmentation.confluency import ThresholdRound
from cellapp.segmentation.diameter import CellSize, resolve_size
from cellapp.segmentation.foreground import GlobalThreshold
from cellapp.segmentation.input_planes import Polarity
from cellapp.segmentation.long_cells import length_px
from cellapp.settings import SegmentSettings
from cellapp.types.image import Role
from cellapp.types.protocols import Segmenter

DIAMETER_WINDOWS = 4  # measured for the diameter; the slide's is their median


@dataclass(frozen=True)
class Thresholds:
    """Thresholds of a slide; None where its sample shows no cells, so that each tile finds its own."""

    body: GlobalThreshold | None = None
    nucleus: GlobalThreshold | None = None
    rounds: tuple[ThresholdRound, ...] | None = None  # of the iterative method


@dataclass(frozen=True)
class SlideFit:
    """Segmentation parameters of one slide; small, so that they are sent with its tiles and stored as JSON."""

    diameter_px: float
    polarity: Polarity
    thresholds: Thresholds | None = None  # where the segmenter is a `ThresholdFitter`
    width_px: float | None = None  # where cells are much longer than wide
    tried_px: tuple[float, ...] = ()  # diameters that were compared, where the first led to nothing
    larger_px: float | None = None  # diameter of a second population of cells, where there is one

    @classmethod
    def of_size(cls, size: CellSize, polarity: Polarity, thresholds: Thresholds | None = None) -> SlideFit:
        """Return the parameters of a slide with cells of this size."""
        thresholds = thresholds or (Thresholds(size.level) if size.level else None)
        return cls(size.diameter_px, polarity, thresholds, size.width_px, size.tried_px, size.larger_px)

    @classmethod
    def of_image(cls, size: CellSize, pixels: np.ndarray, roles: Sequence[Role]) -> SlideFit | None:
        """Return the parameters of a whole image with long cells or cells of two sizes; None where a diameter does."""
        return cls.of_size(size, Polarity.detect(pixels, roles)) if size.width_px or size.larger_px else None

    @property
    def size(self) -> CellSize:
        """The size of the slide's cells."""
        level = self.thresholds.body if self.thresholds and self.width_px else None
        return CellSize(self.diameter_px, self.width_px, self.tried_px, self.larger_px, level)

    @property
    def reach_px(self) -> float:
        """Length of a typical cell: its diameter, of the larger ones, or how long a rod of its area and width is."""
        if self.width_px:
            return length_px(self.diameter_px, self.width_px)
        return max(self.diameter_px, self.larger_px or 0.0)


@runtime_checkable
class ThresholdFitter(Protocol):
    """A segmenter that also finds thresholds on the slide."""

    def fit(
        self, sample: np.ndarray, roles: Sequence[Role], settings: SegmentSettings, polarity: Polarity
    ) -> Thresholds:
        """Find thresholds in a sample of the slide, (C, Y, X) float32; `flows` gets them in `SlideFit.thresholds`."""
        ...


def fit_slide(
    windows: Sequence[np.ndarray],
    roles: Sequence[Role],
    segmenter: Segmenter,
    settings: SegmentSettings,
    um_per_px: float | None = None,
    sizes: Sequence[CellSize] = (),
) -> SlideFit:
    """Find diameter, polarity and thresholds from windows of a slide.

    Parameters
    ----------
    windows : sequence of ndarray of shape (C, h, w), float32
        Processed pixels, all of one size; the whole image where it is small.
    roles : sequence of Role
    segmenter : Segmenter
    settings : SegmentSettings
    um_per_px : float, optional
        Needed where the diameter is in um.
    sizes : sequence of CellSize, optional
        Of the windows that `measured_windows` names, where they are measured already.

    Raises
    ------
    InputError
        When the diameter is in um and the pixel size is unknown.
    """
    measured = sizes or [
        resolve_size(settings, um_per_px, windows[at], roles, segmenter=segmenter)
        for at in measured_windows(len(windows), settings)
    ]
    size = _typical_size(measured)
    # Windows are joined side by side: the few cells cut where they meet change no threshold.
    sample = windows[0] if len(windows) == 1 else np.concatenate(windows, axis=2)
    polarity = Polarity.detect(sample, roles)
    fixed = settings.model_copy(update={"diameter": size.diameter_px, "diameter_unit": "px"})
    thresholds = segmenter.fit(sample, roles, fixed, polarity) if isinstance(segmenter, ThresholdFitter) else None
    return SlideFit.of_size(size, polarity, thresholds)


def measured_windows(n_windows: int, settings: SegmentSettings) -> list[int]:
    """Return which of the windows of a slide are measured for the size of its cells; one where the settings name it."""
    n_measured = 1 if settings.diameter is not None else min(DIAMETER_WINDOWS, n_windows)
    return [at * n_windows // n_measured for at in range(n_measured)]


def _typical_size(sizes: Sequence[CellSize]) -> CellSize:
    """Return the median size of some windows; cells are long where they are in most of those."""
    long = [size for size in sizes if size.width_px]
    tried = tuple(sorted({px for size in sizes for px in size.tried_px}))
    chosen = long if 2 * len(long) > len(sizes) else sizes
    width_px = _median(size.width_px for size in long) if chosen is long else None
    return CellSize(_median(size.diameter_px for size in chosen), width_px, tried, _larger(chosen), _level(chosen))


def _larger(sizes: Sequence[CellSize]) -> float | None:
    """Return the median diameter of a second population where most windows have one."""
    larger = [size.larger_px for size in sizes if size.larger_px]
    return _median(larger) if 2 * len(larger) > len(sizes) else None


def _level(sizes: Sequence[CellSize]) -> GlobalThreshold | None:
    """Return the middle one of the thresholds of long cells, where there are some."""
    levels = sorted((size.level for size in sizes if size.level), key=lambda level: level.threshold)
    return levels[len(levels) // 2] if levels else None


def _median(values: Iterable[float]) -> float:
    return float(np.median([*values]))
