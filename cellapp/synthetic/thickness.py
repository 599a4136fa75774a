"""Optical thickness of cells from their outlines: what phase contrast, DIC and quantitative phase show."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

TALL = (1.6, 2.6)  # height of a rounded cell over that of a spread one
NUCLEUS = (0.25, 0.45)  # its radius in cell radii
NUCLEOLUS = (0.04, 0.09)  # radii of one in cell radii
GRAIN_PX = (0.8, 2.0)


@dataclass(frozen=True)
class Relief:
    """How thickness rises from the rim of a cell."""

    plateau: float = 0.8  # distance from the edge at which a cell is as thick as it gets, radii
    power: float = 0.55  # below 1: steep at the rim
    nucleus: float = 0.25  # thickness it adds, negative where it takes away, over that of the cell
    grains: float = 0.15  # strength of granules


def draw_thickness(labels: np.ndarray, rounded: np.ndarray, relief: Relief, rng: np.random.Generator) -> np.ndarray:
    """Draw the optical thickness of every cell: dome, nucleus, nucleoli and granules.

    Parameters
    ----------
    labels : ndarray of shape (Y, X), integer
        Ids 1..n without gaps, 0 is background.
    rounded : ndarray of shape (n,), bool
        Cells that are rounded up, and tall.
    relief : Relief
    rng : numpy Generator

    Returns
    -------
    ndarray of shape (Y, X), float32
        0 outside cells, about 1 on the plateau of a spread cell.
    """
    thickness = np.zeros(labels.shape, np.float32)
    grains = _grains(labels.shape, rng)
    for cell_id, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is None:
            continue
        inside = np.pad(labels[box] == cell_id, 1)
        edge_px = ndimage.distance_transform_edt(inside)[1:-1, 1:-1]
        inside = inside[1:-1, 1:-1]
        height = rng.uniform(*TALL) if rounded[cell_id - 1] else float(np.exp(rng.normal(0, 0.15)))
        cell = _cell(edge_px, relief, rng) * (1 + relief.grains * grains[box])
        thickness[box][inside] = height * cell[inside]
    return thickness


def _cell(edge_px: np.ndarray, relief: Relief, rng: np.random.Generator) -> np.ndarray:
    """Return the thickness of one cell from the distance of its pixels to the edge, (h, w)."""
    radius = math.sqrt(np.count_nonzero(edge_px) / math.pi)
    dome = np.minimum(edge_px / max(relief.plateau * edge_px.max(), 1), 1) ** relief.power
    middle = np.unravel_index(edge_px.argmax(), edge_px.shape) + rng.normal(0, 0.1 * edge_px.max(), 2)
    nucleus = _bump(edge_px.shape, middle, rng.uniform(*NUCLEUS) * radius, rng)
    strength = relief.nucleus * rng.uniform(0.6, 1.3)
    cell = dome * (1 + strength * nucleus)
    for _ in range(rng.integers(1, 4)):
        spot = middle + rng.normal(0, 0.12 * radius, 2)
        cell = cell + abs(strength) * _bump(edge_px.shape, spot, max(rng.uniform(*NUCLEOLUS) * radius, 1.0), rng) * dome
    return np.maximum(cell, 0)


def _bump(shape: tuple[int, int], centre: np.ndarray, radius: float, rng: np.random.Generator) -> np.ndarray:
    """Return a smooth elliptical plateau of height 1, (h, w)."""
    dy, dx = np.ogrid[: shape[0], : shape[1]]
    dy, dx, turn, stretch = dy - centre[0], dx - centre[1], rng.uniform(0, math.pi), rng.uniform(1, 1.5)
    along, across = dx * math.cos(turn) + dy * math.sin(turn), dy * math.cos(turn) - dx * math.sin(turn)
    distance = np.sqrt(along**2 / stretch + across**2 * stretch) / radius
    return 1 / (1 + np.exp(np.clip(8 * (distance - 1), -50, 50)))


def _grains(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Return granules, few and distinct, about -0.5 to 3, (Y, X) float32."""
    field = ndimage.gaussian_filter(rng.standard_normal(shape, dtype=np.float32), rng.uniform(*GRAIN_PX))
    field /= max(float(field.std()), 1e-6)
    return np.where(field > 0, 0.6 * np.abs(field) ** 1.5, 0.4 * field)
