"""The windows of a slide by which it is judged as a whole."""

from __future__ import annotations

import numpy as np

from cellapp.images.display import read_at_most
from cellapp.types import Region, Slide

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
