"""Parts of a slide that stand for the whole: every n-th pixel, a few windows, the liveliest windows.

Statistics of a slide come from these, never from a display pyramid, so that no result depends on whether one was ready.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from cellapp.types.image import Region, Slide

_BAND_ROWS = 2048
_SAMPLE_PX, _SAMPLES_EACH_WAY = 256, 3


def read_at_most(slide: Slide, max_px: int) -> tuple[np.ndarray, float]:
    """Read an overview without holding the full image in memory.

    Parameters
    ----------
    slide : Slide
    max_px : int
        Longest side of the result.

    Returns
    -------
    pixels : ndarray of shape (C, y, x)
        Every n-th pixel of the coarsest pyramid level that is large enough; native dtype and true pixel values.
    scale : float
        Result pixels per full-resolution pixel, at most 1.
    """
    longest = [max(shape) for shape in slide.info.levels]
    level = max((i for i, n in enumerate(longest) if n >= min(max_px, longest[0])), key=lambda i: -longest[i])
    step = math.ceil(longest[level] / max_px)
    array, band = slide.levels[level], max(_BAND_ROWS // step, 1) * step
    bounds = [*range(0, array.shape[1], band), array.shape[1]]
    # Copied, because a strided view would keep its whole band in memory.
    bands = [array[:, y0:y1, :][:, ::step, ::step].copy() for y0, y1 in pairwise(bounds)]
    return np.concatenate(bands, axis=1), longest[level] / longest[0] / step


def read_samples(slide: Slide) -> np.ndarray:
    """Read some windows at full resolution, quickly: what they hold says how bright the slide is, not how it looks.

    Parameters
    ----------
    slide : Slide
        One whose file can be decoded in parts.

    Returns
    -------
    ndarray of shape (C, 256, 9 x 256)
        Nine windows spread evenly, side by side, native dtype; smaller where the slide is.
    """
    sides = [min(_SAMPLE_PX, length) for length in slide.info.shape[1:]]
    ys, xs = (
        [(length - side) * (2 * at + 1) // (2 * _SAMPLES_EACH_WAY) for at in range(_SAMPLES_EACH_WAY)]
        for length, side in zip(slide.info.shape[1:], sides, strict=True)
    )
    return np.concatenate([slide.region(Region(y, x, *sides)) for y in ys for x in xs], axis=2)


WINDOW_PX = 1024
N_WINDOWS = 9
OVERVIEW_PX = 2048
RICH, DEAD = 0.5, 0.1
"""Liveliness that makes a window worth looking at, of that of the ninth liveliest and of that of the liveliest."""


def sample_windows(slide: Slide) -> tuple[Region, ...]:
    """Choose windows at full resolution that show what cells of a slide look like.

    Parameters
    ----------
    slide : Slide

    Returns
    -------
    tuple of Region
        The whole slide where it is no larger than all windows together. Else nine windows of one size, spread evenly
        over those in which intensities vary: the same ones each time, and none that is empty while others are not.
    """
    _, height, width = slide.info.shape
    if height * width <= N_WINDOWS * WINDOW_PX**2:
        return (slide.whole,)
    candidates = _grid(height, width)
    lively = _liveliness(slide, candidates)
    ninth = np.sort(lively)[-min(N_WINDOWS, len(lively))]
    rich = np.flatnonzero(lively >= max(RICH * ninth, DEAD * lively.max()))
    n = min(N_WINDOWS, len(rich))
    return tuple(candidates[rich[(2 * at + 1) * len(rich) // (2 * n)]] for at in range(n))


def _grid(height: int, width: int) -> list[Region]:
    h, w = min(WINDOW_PX, height), min(WINDOW_PX, width)
    return [Region(y, x, h, w) for y in range(0, height - h + 1, h) for x in range(0, width - w + 1, w)]


def _liveliness(slide: Slide, windows: list[Region]) -> np.ndarray:
    """Spread of intensities in each window, each channel relative to the whole overview, (N,) float64."""
    pixels, scale = read_at_most(slide, OVERVIEW_PX)
    values = np.nan_to_num(pixels.astype(np.float32), posinf=0, neginf=0)
    spread = np.maximum(values.std(axis=(1, 2)), np.finfo(np.float32).tiny)

    def of(window: Region) -> float:
        y0, x0 = int(window.y * scale), int(window.x * scale)
        y1, x1 = int((window.y + window.height) * scale), int((window.x + window.width) * scale)
        return float((values[:, y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)].std(axis=(1, 2)) / spread).mean())

    return np.array([of(window) for window in windows])
