"""Outlines of adherent cells for images made by optical models: star-convex, with lobes and spikes, touching."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

LOBES = range(2, 7)
LOBE = 0.28  # spread of the amplitude of lobe k, times k, in radii
SMALLEST = 0.35  # radii: an outline never comes closer to its centre
SPIKE_LENGTH, SPIKE_WIDTH = (0.2, 1.0), (0.06, 0.16)  # in radii and in radians
OVERLAP = 0.2  # share of a cell that may lie under cells drawn before; it is cut off
TRIES = 12  # places tried for each cell the density asks for


@dataclass(frozen=True)
class Culture:
    """How cells of one image are shaped and spread."""

    radius_px: float
    density: float  # share of the area that cells cover
    elongation: float = 1.0  # length over width
    spikes: int = 3  # at most
    rounded: float = 0.0  # share of cells that are rounded up: small, even and tall
    aligned: float = 0.0  # 1: all cells point the same way; 0: any way


ROUNDED = 0.6  # radius of a cell that is rounded up, over that of a spread one


def draw_outlines(culture: Culture, shape: tuple[int, int], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw cells until they cover the share asked for, or no place is left.

    Parameters
    ----------
    culture : Culture
    shape : tuple of int
        Rows and columns, px.
    rng : numpy Generator

    Returns
    -------
    labels : ndarray of shape (Y, X), int32
        Ids 1..n without gaps; every cell is one piece.
    rounded : ndarray of shape (n,), bool
        Cells that are rounded up.
    """
    labels, rounded = np.zeros(shape, np.int32), []
    expected = math.ceil(culture.density * labels.size / (math.pi * culture.radius_px**2))
    common = rng.uniform(0, math.pi)
    for _ in range(TRIES * expected):
        if np.count_nonzero(labels) >= culture.density * labels.size:
            break
        is_rounded = bool(rng.random() < culture.rounded)
        turn = common + (1 - culture.aligned) * rng.uniform(-math.pi / 2, math.pi / 2)
        if _place(labels, len(rounded) + 1, _radius_by_angle(culture, is_rounded, turn, rng), rng):
            rounded.append(is_rounded)
    return labels, np.array(rounded, bool)


def _place(labels: np.ndarray, cell_id: int, radii: np.ndarray, rng: np.random.Generator) -> bool:
    """Draw one cell at a random place, under those that are there; False where too little of it is left."""
    height, width = labels.shape
    centre, reach = rng.uniform(0, [height, width]), math.ceil(radii.max())
    y0, x0 = np.maximum(np.floor(centre).astype(int) - reach, 0)
    y1, x1 = np.minimum(np.ceil(centre).astype(int) + reach + 1, [height, width])
    dy, dx = np.mgrid[y0:y1, x0:x1] - centre[:, None, None]
    at = (np.arctan2(dy, dx) % (2 * math.pi)) * len(radii) / (2 * math.pi)
    inside = np.hypot(dy, dx) < radii[at.astype(int) % len(radii)]
    window = labels[y0:y1, x0:x1]
    free = inside & (window == 0)
    if np.count_nonzero(free) < (1 - OVERLAP) * np.count_nonzero(inside) or not free.any():
        return False
    pieces, n = ndimage.label(free)
    if n > 1:
        free = pieces == np.bincount(pieces.ravel())[1:].argmax() + 1
    window[free] = cell_id
    return True


def _radius_by_angle(culture: Culture, is_rounded: bool, turn: float, rng: np.random.Generator) -> np.ndarray:
    """Return the distance of the outline from the centre, px, by angle, (360,)."""
    angles = np.arange(360) * 2 * math.pi / 360
    if is_rounded:
        return culture.radius_px * ROUNDED * (1 + rng.normal(0, 0.04) * np.cos(2 * angles + turn))
    waves = np.ones_like(angles)
    for k in LOBES:
        waves += rng.normal(0, LOBE / k) * np.cos(k * angles + rng.uniform(0, 2 * math.pi))
    for _ in range(rng.integers(0, culture.spikes + 1)):
        away = np.angle(np.exp(1j * (angles - rng.uniform(0, 2 * math.pi))))
        waves += rng.uniform(*SPIKE_LENGTH) * np.exp(-0.5 * (away / rng.uniform(*SPIKE_WIDTH)) ** 2)
    stretch = rng.uniform(1, culture.elongation) if culture.elongation > 1 else 1.0
    along, across = np.cos(angles - turn), np.sin(angles - turn)
    ellipse = 1 / np.sqrt(along**2 / stretch + across**2 * stretch)
    size = culture.radius_px * float(np.exp(rng.normal(0, 0.15)))
    return size * ellipse * np.maximum(waves, SMALLEST)
