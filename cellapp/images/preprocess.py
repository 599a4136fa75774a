"""The chain between raw pixels and models: one object for preview, batch, training and explanation alike."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from skimage.exposure import equalize_adapthist

from cellapp.errors import InputError
from cellapp.images.align import dominant_angle
from cellapp.images.display import read_at_most
from cellapp.settings import PreprocessSettings
from cellapp.types import Slide

_STATS_PX = 2048
_ANGLE_PX = 1024


@dataclass(frozen=True)
class ChannelStats:
    """What the chain has to know of one channel of the whole slide, in raw pixel values."""

    low: float  # percentile `clip_low`
    high: float  # percentile `clip_high`
    minimum: float
    maximum: float


def slide_stats(slide: Slide, settings: PreprocessSettings) -> tuple[ChannelStats, ...]:
    """Measure each channel on an overview of the slide, at most 2048 px wide.

    Parameters
    ----------
    slide : Slide
    settings : PreprocessSettings
        Gives the percentiles.

    Returns
    -------
    tuple of ChannelStats
        One per channel. NaN and infinite pixels are left out; a channel of nothing else has zeros.
    """
    pixels, _ = read_at_most(slide, _STATS_PX)
    return tuple(_channel_stats(plane, settings) for plane in pixels)


def _channel_stats(plane: np.ndarray, settings: PreprocessSettings) -> ChannelStats:
    values = plane[np.isfinite(plane)].astype(np.float64)
    if not values.size:
        return ChannelStats(0.0, 0.0, 0.0, 0.0)
    low, high = np.percentile(values, (settings.clip_low, settings.clip_high))
    return ChannelStats(float(low), float(high), float(values.min()), float(values.max()))


@dataclass(frozen=True)
class Preprocessor:
    """The chain of one slide, fitted to it: a region comes out the same whether processed alone or with the whole.

    (CLAHE and denoising look at neighbours, so their results near a region's edge depend on where it ends.)
    """

    settings: PreprocessSettings
    stats: tuple[ChannelStats, ...]
    angle_deg: float = 0.0
    """Direction of the image's structures; crops are turned by it, the slide never is: labels keep their place."""

    @classmethod
    def fit(cls, slide: Slide, settings: PreprocessSettings) -> Preprocessor:
        """Measure what the chain needs of a slide.

        Parameters
        ----------
        slide : Slide
        settings : PreprocessSettings
        """
        angle = 0.0
        if settings.align:
            angle = dominant_angle(read_at_most(slide, _ANGLE_PX)[0])
        return cls(settings, slide_stats(slide, settings), angle)

    @classmethod
    def fit_crop(cls, pixels: np.ndarray, settings: PreprocessSettings) -> Preprocessor:
        """Measure what the chain needs of one crop by itself, (C, h, w): all that is known of a picture of one cell.

        A crop has no direction of its own, so that `align` turns nothing.
        """
        return cls(settings, tuple(_channel_stats(plane, settings) for plane in pixels))

    def apply(self, pixels: np.ndarray, channels: Sequence[int] | None = None) -> np.ndarray:
        """Process a region of the slide.

        Parameters
        ----------
        pixels : ndarray of shape (C, Y, X)
            Raw pixels of the slide the chain was fitted to.
        channels : sequence of int, optional
            Which channels of the slide `pixels` holds, from 0; all when left out.

        Returns
        -------
        ndarray of shape (C, Y, X), float32
            0 to 1. A channel without contrast becomes zeros. Without clipping and normalising, integers are scaled by
            the range of their type, and floats by the slide's range where they leave 0..1.

        Raises
        ------
        InputError
            When `pixels` has other channels than the slide.
        """
        stats = self.stats if channels is None else tuple(self.stats[i] for i in channels)
        if len(stats) != len(pixels):
            raise InputError(f"the chain was fitted to {len(stats)} channels; got pixels of shape {pixels.shape}")
        processed = np.zeros(pixels.shape, dtype=np.float32)
        for out, plane, known in zip(processed, pixels, stats, strict=True):
            out[...] = self._process(plane, known)
        return processed

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits that name the settings, for provenance."""
        return hashlib.sha256(self.settings.model_dump_json().encode()).hexdigest()[:12]

    def _process(self, plane: np.ndarray, stats: ChannelStats) -> np.ndarray:
        low, high = self._limits(stats, plane.dtype)
        if not high > low or not plane.size:
            return np.zeros(plane.shape, dtype=np.float32)
        scaled = np.clip((plane.astype(np.float32) - low) / (high - low), 0, 1)
        if self.settings.clahe and min(plane.shape) > 1:
            scaled = equalize_adapthist(scaled, clip_limit=self.settings.clahe_clip)
        if self.settings.denoise:
            from skimage.restoration import denoise_tv_chambolle  # loads scipy.stats, half a second of a first result

            scaled = denoise_tv_chambolle(scaled, weight=self.settings.denoise_weight)
        return np.clip(scaled, 0, 1)

    def _limits(self, stats: ChannelStats, dtype: np.dtype) -> tuple[float, float]:
        """Raw values that become 0 and 1."""
        if self.settings.clip:
            return stats.low, stats.high
        if self.settings.normalise:
            return stats.minimum, stats.maximum
        if dtype.kind in "ui":
            return float(np.iinfo(dtype).min), float(np.iinfo(dtype).max)
        inside = stats.minimum >= 0 and stats.maximum <= 1
        return (0.0, 1.0) if inside else (stats.minimum, stats.maximum)
