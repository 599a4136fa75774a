"""Preprocessing between raw pixels and models, the same for previews, runs, training and explanations."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cellapp.errors import InputError
from cellapp.images.clahe import ClaheCurves
from cellapp.images.formats.samples import top_of
from cellapp.images.orientation import dominant_angle
from cellapp.images.read import check_pixels
from cellapp.images.sampling import OVERVIEW_PX, read_at_most
from cellapp.settings import PreprocessSettings
from cellapp.types.image import Region, Slide

_ANGLE_PX = 1024
DENOISE_ROUNDS = 50
"""Rounds of total-variation denoising, and the distance in pixels that a result depends on.

The stopping rule of scikit-image takes about as many for images of cells, but depends on the whole array.
"""


@dataclass(frozen=True)
class ChannelStats:
    """Statistics of one channel of the whole slide, in raw pixel values.

    NaN and infinite pixels are left out; a channel without other pixels has zeros.
    """

    low: float  # percentile `clip_low`
    high: float  # percentile `clip_high`
    minimum: float
    maximum: float


def _channel_stats(plane: np.ndarray, settings: PreprocessSettings) -> ChannelStats:
    values = plane[np.isfinite(plane)].astype(np.float64)
    if not values.size:
        return ChannelStats(0.0, 0.0, 0.0, 0.0)
    low, high = np.percentile(values, (settings.clip_low, settings.clip_high))
    return ChannelStats(float(low), float(high), float(values.min()), float(values.max()))


@dataclass(frozen=True)
class Preprocessor:
    """Preprocessing fitted to one slide: `read` returns for a region exactly what the processed whole has there.

    Local contrast uses curves of the whole slide. Denoising takes a fixed number of rounds, each of which depends on
    pixels one further away, on a window that is larger by as much.
    """

    settings: PreprocessSettings
    stats: tuple[ChannelStats, ...]
    angle_deg: float = 0.0
    """Direction of the image's structures; crops are rotated by it, the slide is not: labels stay in place."""
    clahe_curves: tuple[ClaheCurves, ...] = ()
    """Per channel, where CLAHE is switched on."""
    bits: int | None = None
    """Bits per sample that carry values, where the slide's file says fewer than the type has."""

    @classmethod
    def fit(cls, slide: Slide, settings: PreprocessSettings) -> Preprocessor:
        """Fit to a slide, on an overview of at most 2048 px.

        Parameters
        ----------
        slide : Slide
        settings : PreprocessSettings
        """
        angle = 0.0
        if settings.align:
            angle = dominant_angle(read_at_most(slide, _ANGLE_PX)[0])
        overview = read_at_most(slide, OVERVIEW_PX)[0]
        return cls._fitted(overview, slide.info.shape[1:], settings, angle, slide.info.bits)

    @classmethod
    def fit_crop(cls, pixels: np.ndarray, settings: PreprocessSettings) -> Preprocessor:
        """Fit to one crop, (C, h, w), where there is no slide: a file with one cell.

        A crop has no direction of its own; `align` has no effect.
        """
        return cls._fitted(pixels, pixels.shape[1:], settings)

    def read(self, slide: Slide, region: Region | None = None) -> np.ndarray:
        """Decode a rectangle of the slide and process it, as it comes out in the whole.

        Parameters
        ----------
        slide : Slide
            The one this was fitted to.
        region : Region, optional
            In full-resolution pixels, clipped to the image; the whole when left out.

        Returns
        -------
        ndarray of shape (C, Y, X), float32
            See `apply`.

        Raises
        ------
        InputError
            When pixels are missing or infinite.
        """
        box, margin = _clipped(region or slide.whole, slide.whole), DENOISE_ROUNDS if self.settings.denoise else 0
        grown = Region(box.y - margin, box.x - margin, box.height + 2 * margin, box.width + 2 * margin)
        wide = _clipped(grown, slide.whole) if box.height and box.width else box
        pixels = self.apply(check_pixels(slide.region(wide), slide.info.name), at=(wide.y, wide.x))
        y, x = box.y - wide.y, box.x - wide.x
        return pixels[:, y : y + box.height, x : x + box.width]

    def apply(
        self, pixels: np.ndarray, channels: Sequence[int] | None = None, *, at: tuple[int, int] = (0, 0)
    ) -> np.ndarray:
        """Process decoded pixels of the slide; unlike `read` without the margin that denoising needs.

        Parameters
        ----------
        pixels : ndarray of shape (C, Y, X)
            Raw pixels of the slide this was fitted to.
        channels : sequence of int, optional
            Which channels of the slide `pixels` holds, from 0; all when left out.
        at : tuple of int
            (y, x) of their upper left corner on the slide, which local contrast depends on.

        Returns
        -------
        ndarray of shape (C, Y, X), float32
            0 to 1. A channel without contrast becomes zeros. Without clipping and normalising, integers are scaled by
            the range of their type, or of those of its bits that carry values, and floats by the slide's range where
            they leave 0..1.

        Raises
        ------
        InputError
            When `pixels` has other channels than the slide.
        """
        numbers = range(len(self.stats)) if channels is None else channels
        if len(numbers) != len(pixels):
            raise InputError(f"the chain was fitted to {len(numbers)} channels; got pixels of shape {pixels.shape}")
        processed = np.zeros(pixels.shape, dtype=np.float32)
        for out, plane, channel in zip(processed, pixels, numbers, strict=True):
            self._process(plane, channel, at, out)
        return processed

    @property
    def digest(self) -> str:
        """First twelve hexadecimal digits of the sha256 of the settings, for provenance."""
        return hashlib.sha256(self.settings.model_dump_json().encode()).hexdigest()[:12]

    @classmethod
    def _fitted(
        cls,
        overview: np.ndarray,
        shape: tuple[int, int],
        settings: PreprocessSettings,
        angle_deg: float = 0.0,
        bits: int | None = None,
    ) -> Preprocessor:
        plain = cls(settings, tuple(_channel_stats(plane, settings) for plane in overview), angle_deg, bits=bits)
        if not settings.clahe or not overview.size:
            return plain
        scaled = [
            plain._scale(plane, channel, np.zeros(plane.shape, np.float32)) for channel, plane in enumerate(overview)
        ]
        return replace(plain, clahe_curves=tuple(ClaheCurves.fit(p, shape, settings.clahe_clip) for p in scaled))

    def _scale(self, plane: np.ndarray, channel: int, out: np.ndarray) -> np.ndarray:
        """Write a plane, scaled to 0 to 1, into one of its shape, float32; return that."""
        low, high = self._limits(self.stats[channel], plane.dtype)
        out[...] = plane
        out -= low
        out /= high - low if high > low else np.inf
        return np.clip(out, 0, 1, out=out)

    def _process(self, plane: np.ndarray, channel: int, at: tuple[int, int], out: np.ndarray) -> None:
        """Write a processed plane into one of zeros of its shape, float32; one without contrast stays zero."""
        low, high = self._limits(self.stats[channel], plane.dtype)
        if not high > low or not plane.size:
            return
        scaled = self._scale(plane, channel, out)
        if self.clahe_curves:
            scaled = self.clahe_curves[channel].apply(scaled, at)
        if self.settings.denoise:
            from skimage.restoration import denoise_tv_chambolle  # loads scipy.stats, half a second of a first result

            weight = self.settings.denoise_weight
            scaled = denoise_tv_chambolle(scaled, weight=weight, eps=0, max_num_iter=DENOISE_ROUNDS)
        if scaled is not out:
            np.clip(scaled, 0, 1, out=out)

    def _limits(self, stats: ChannelStats, dtype: np.dtype) -> tuple[float, float]:
        """Return the raw values that become 0 and 1."""
        if self.settings.clip:
            return stats.low, stats.high
        if self.settings.normalise:
            return stats.minimum, stats.maximum
        if dtype.kind in "ui":
            return float(np.iinfo(dtype).min), top_of(dtype, self.bits)
        inside = stats.minimum >= 0 and stats.maximum <= 1
        return (0.0, 1.0) if inside else (stats.minimum, stats.maximum)


def _clipped(region: Region, whole: Region) -> Region:
    """Return the part of a region inside the slide; of height or width 0 where there is none."""
    y0, x0 = max(region.y, 0), max(region.x, 0)
    y1, x1 = min(region.y + region.height, whole.height), min(region.x + region.width, whole.width)
    return Region(y0, x0, max(y1 - y0, 0), max(x1 - x0, 0))
