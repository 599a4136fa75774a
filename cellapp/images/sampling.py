"""Parts of a slide that represent the whole: every n-th pixel, evenly spread windows, windows with high contrast.

Statistics of a slide come from these, never from a display pyramid, so that no result depends on whether one was ready.
"""

from __future__ import annotations

import math
from itertools import pairwise, product

import numpy as np

from cellapp.types.image import Region, Slide

OVERVIEW_PX = 2048
"""Longest side of the overview that statistics of a slide are taken from."""
N_WINDOWS = 9
WINDOW_PX = 1024
MIN_OF_NINTH, MIN_OF_HIGHEST = 0.5, 0.1
"""Contrast a window needs to be sampled, as a share of the ninth highest and of the highest contrast of all windows."""

MOST_KEPT_BYTES = 64 * 2**20
"""Of a larger overview, one of many channels, nothing is kept."""

_BAND_ROWS = 2048
_QUICK_SIDE_PX, _QUICK_EACH_WAY = 256, 3


def read_at_most(slide: Slide, max_px: int) -> tuple[np.ndarray, float]:
    """Read an overview without holding the full image in memory; a slide that keeps overviews reads each once.

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
    kept = slide.overviews or {}
    pixels, scale = kept.get(max_px) or _read_at_most(slide, max_px)
    if slide.overviews is None or pixels.nbytes > MOST_KEPT_BYTES:
        return pixels, scale
    slide.overviews[max_px] = pixels, scale
    return pixels.copy(), scale  # those who read may write to what they get


def _read_at_most(slide: Slide, max_px: int) -> tuple[np.ndarray, float]:
    longest = [max(shape) for shape in slide.info.levels]
    level = max((i for i, n in enumerate(longest) if n >= min(max_px, longest[0])), key=lambda i: -longest[i])
    step = math.ceil(longest[level] / max_px)
    array, band = slide.levels[level], max(_BAND_ROWS // step, 1) * step
    bounds = [*range(0, array.shape[1], band), array.shape[1]]
    # Copied, because a strided view would keep its whole band in memory.
    bands = [array[:, y0:y1, :][:, ::step, ::step].copy() for y0, y1 in pairwise(bounds)]
    return np.concatenate(bands, axis=1), longest[level] / longest[0] / step


def read_samples(slide: Slide) -> np.ndarray:
    """Read nine windows at full resolution: enough for the range of intensities of a slide that has no pyramid yet.

    Parameters
    ----------
    slide : Slide
        One whose file can be decoded in parts.

    Returns
    -------
    ndarray of shape (C, 256, 9 x 256)
        Windows spread evenly, side by side, native dtype; smaller where the slide is.
    """
    sides = [min(_QUICK_SIDE_PX, length) for length in slide.info.shape[1:]]
    ys, xs = (
        [(length - side) * (2 * at + 1) // (2 * _QUICK_EACH_WAY) for at in range(_QUICK_EACH_WAY)]
        for length, side in zip(slide.info.shape[1:], sides, strict=True)
    )
    return np.concatenate([slide.region(Region(y, x, *sides)) for y, x in product(ys, xs)], axis=2)


def spread_windows(shape: tuple[int, int], side_px: int, most_each_way: int) -> tuple[Region, ...]:
    """Spread square windows that do not overlap over an image.

    Parameters
    ----------
    shape : tuple of int
        (Y, X) of the image.
    side_px : int
        Side of a window; along an axis that is shorter there is one window as long as the axis.
    most_each_way : int
        Largest number of windows along an axis.

    Returns
    -------
    tuple of Region
        Row by row, with equal gaps between them and to the edges.
    """
    starts = []
    for length in shape:
        n = min(max(length // side_px, 1), most_each_way)
        room = max(length - n * side_px, 0)
        starts.append([round(room * (at + 1) / (n + 1)) + at * side_px for at in range(n)])
    height, width = (min(side_px, length) for length in shape)
    return tuple(Region(y, x, height, width) for y, x in product(*starts))


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
    h, w = min(WINDOW_PX, height), min(WINDOW_PX, width)
    windows = [Region(y, x, h, w) for y in range(0, height - h + 1, h) for x in range(0, width - w + 1, w)]
    contrast = _contrasts(slide, windows)
    ninth = np.sort(contrast)[-min(N_WINDOWS, len(contrast))]
    with_cells = np.flatnonzero(contrast >= max(MIN_OF_NINTH * ninth, MIN_OF_HIGHEST * contrast.max()))
    n = min(N_WINDOWS, len(with_cells))
    return tuple(windows[with_cells[(2 * at + 1) * len(with_cells) // (2 * n)]] for at in range(n))


def _contrasts(slide: Slide, windows: list[Region]) -> np.ndarray:
    """Return the spread of intensities in each window relative to the whole, mean of channels, (N,) float64."""
    pixels, scale = read_at_most(slide, OVERVIEW_PX)
    values = np.nan_to_num(pixels.astype(np.float32), posinf=0, neginf=0)
    overall = np.maximum(values.std(axis=(1, 2)), np.finfo(np.float32).tiny)

    def contrast_of(window: Region) -> float:
        y0, x0 = int(window.y * scale), int(window.x * scale)
        y1, x1 = int((window.y + window.height) * scale), int((window.x + window.width) * scale)
        return float((values[:, y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)].std(axis=(1, 2)) / overall).mean())

    return np.array([contrast_of(window) for window in windows])
