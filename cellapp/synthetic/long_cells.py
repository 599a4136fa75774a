"""Fields of long cells with sharp or soft edges: rods, spindles that taper to a point, and bent fibres."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

LENGTH_PX = (50, 400)
SLENDER = (4, 30)  # length over width
MIN_WIDTH_PX = 5.0
TIP_PX = 0.75  # half the width of a tip: a thinner one would fall to pieces on the grid of pixels
MOST_PX = 1000  # rows and columns of a field; at least two cells are drawn along either
FULL_SCALE = 4000  # of the pixels


@dataclass(frozen=True)
class LongCell:
    """Shape of a long cell."""

    length_px: float
    width_px: float
    angle: float  # radians, from the x axis to the y axis
    pointed: bool  # a spindle; a rod with round ends otherwise
    bend: float  # sagitta of its middle line as a share of the length, at most 0.2

    def covers(self, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Return which positions lie inside, y and x in px from its centre; bool of their shape."""
        along = x * math.cos(self.angle) + y * math.sin(self.angle)
        across = y * math.cos(self.angle) - x * math.sin(self.angle)
        across = across - self.bend * self.length_px * (0.5 - (2 * along / self.length_px) ** 2)
        if self.pointed:
            half = self.width_px / 2 * (1 - np.abs(2 * along / self.length_px).clip(0, 1) ** 1.5)
            return (np.abs(across) <= np.maximum(half, TIP_PX)) & (np.abs(along) <= self.length_px / 2)
        past = np.maximum(np.abs(along) - (self.length_px - self.width_px) / 2, 0)
        return past**2 + across**2 <= (self.width_px / 2) ** 2


def render_long_cells(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw a field of separate long cells, bright on dark.

    Parameters
    ----------
    seed : int

    Returns
    -------
    pixels : ndarray of shape (1, Y, X), uint16
    labels : ndarray of shape (Y, X), int32
        Ids 1..n without gaps.
    """
    rng = np.random.default_rng(seed)
    typical, spread = _draw_typical(rng), rng.choice([0.0, 0.1, math.pi])
    labels = _place(typical, spread, rng)
    gains = np.append(0, rng.uniform(0.5, 1, int(labels.max())) if rng.random() < 0.5 else np.ones(int(labels.max())))
    blur_px = 0.0 if rng.random() < 0.5 else rng.uniform(0.3, 1.5)
    plane = rng.uniform(0.02, 0.2) + 0.7 * ndimage.gaussian_filter(gains[labels], blur_px)
    plane += rng.choice([0.0, rng.uniform(0, 0.06)]) * rng.standard_normal(plane.shape)
    return np.clip(plane * FULL_SCALE, 0, 65535).astype(np.uint16)[None], labels


def _draw_typical(rng: np.random.Generator) -> LongCell:
    length = math.exp(rng.uniform(*np.log(LENGTH_PX)))
    width = max(length / math.exp(rng.uniform(*np.log(SLENDER))), MIN_WIDTH_PX)
    bend = rng.uniform(0, 0.2) if rng.random() < 0.4 else 0.0
    return LongCell(length, width, rng.uniform(0, math.pi), bool(rng.random() < 0.5), bend)


def _place(typical: LongCell, spread: float, rng: np.random.Generator) -> np.ndarray:
    """Draw cells like a typical one on a grid so wide that none touches another, (Y, X) int32."""
    margin = 2 * typical.width_px + 10 + typical.bend * typical.length_px
    reaches = [abs(math.sin(typical.angle)), abs(math.cos(typical.angle))]
    pitch = [1.1 * typical.length_px * (1.0 if spread else reach) + margin for reach in reaches]
    counts = [max(2, min(6, int(MOST_PX / step))) for step in pitch]
    labels = np.zeros([math.ceil(n * step) for n, step in zip(counts, pitch, strict=True)], np.int32)
    y, x = np.mgrid[: labels.shape[0], : labels.shape[1]]
    for row, column in np.ndindex(*counts):
        cell = _like(typical, spread, rng)
        inside = cell.covers(y - pitch[0] * (row + 0.5), x - pitch[1] * (column + 0.5))
        labels[inside] = labels.max() + 1
    return labels


def _like(typical: LongCell, spread: float, rng: np.random.Generator) -> LongCell:
    size = rng.uniform(0.85, 1.1)
    angle = typical.angle + rng.uniform(-spread, spread)
    return LongCell(typical.length_px * size, typical.width_px * size, angle, typical.pointed, typical.bend)
