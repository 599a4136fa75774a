"""The mean map of a class: maps of many cells turned to one axis, scaled to one outline and averaged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import map_coordinates

GRID = 64
"""Rows and columns of a mean map."""
REACH = 1.5
"""Half width of a mean map, in half axes of the cell: what lies just outside is part of the reason."""


@dataclass(frozen=True, eq=False)
class MeanMap:
    """What the cells of one class have in common, on the outline of their mean ellipse."""

    values: (
        np.ndarray
    )  # (GRID, GRID) float32: the logit, if the whole cell were like this place; 0 where few crops reach
    n_cells: int
    outline: np.ndarray  # (GRID, GRID) bool: the ellipse that every cell was scaled to


def mean_map(maps: Sequence[np.ndarray], insides: Sequence[np.ndarray]) -> MeanMap:
    """Average maps after turning and scaling each cell.

    Every cell is described by the ellipse of its second moments. The long axis comes to lie horizontally, the more
    drawn-out end (third moment) right and below, and both half axes become 1: lengths along and across are scaled
    apart, so that cells of any elongation meet. Where no more than half of the crops reach the mean is 0: a few cells
    would stand for all. Values are multiplied by the number of squares that the cell covers:
    large cells, whose squares hold less each, count as much as small ones, and the mean over the ellipse is about the
    cell's own sum.

    Parameters
    ----------
    maps : sequence of ndarray of shape (h, w)
        Signed, logit units per square; sizes may differ.
    insides : sequence of ndarray of shape (S, S), bool
        True on the cell, on the pixels of the same crops. Cells without a pixel are left out.

    Returns
    -------
    MeanMap
    """
    pairs = [(one, inside) for one, inside in zip(maps, insides, strict=True) if inside.any()]
    total, weight = np.zeros((GRID, GRID)), np.zeros((GRID, GRID))
    for one, inside in pairs:
        values, covered = aligned_map(one, inside)
        total += np.where(covered, values, 0)
        weight += covered
    mean = np.divide(total, weight, out=np.zeros_like(total), where=weight * 2 > len(pairs))
    return MeanMap(mean.astype(np.float32), len(pairs), outline_of_mean())


def outline_of_mean(side: int = GRID) -> np.ndarray:
    """Return the outline that every cell is scaled to, (`side`, `side`) bool."""
    y, x = np.meshgrid(*2 * (_steps(side),), indexing="ij")
    return x**2 + y**2 <= 1


def aligned_map(values: np.ndarray, inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turn and scale the map of one cell, see `mean_map`.

    Parameters
    ----------
    values : ndarray of shape (h, w)
    inside : ndarray of shape (S, S), bool
        With at least one pixel.

    Returns
    -------
    values : ndarray of shape (GRID, GRID), float64
        The logit, if the whole cell were like this place.
    covered : ndarray of shape (GRID, GRID), bool
        Where the crop reaches.
    """
    centre, axes = half_axes(inside)
    y, x = np.meshgrid(*2 * (_steps(),), indexing="ij")
    places = centre[:, None, None] + axes[:, 0, None, None] * x + axes[:, 1, None, None] * y
    size = np.array(inside.shape)[:, None, None]
    covered = ((places >= -0.5) & (places <= size - 0.5)).all(axis=0)
    squares = np.array(values.shape)[:, None, None]
    at = (places + 0.5) * squares / size - 0.5
    n_squares = inside.sum() * values.size / inside.size
    return map_coordinates(values.astype(np.float64), at, order=1, mode="nearest") * n_squares, covered


def half_axes(inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the ellipse of a cell's second moments.

    Parameters
    ----------
    inside : ndarray of shape (Y, X), bool
        With at least one pixel.

    Returns
    -------
    centre : ndarray of shape (2,)
        Row and column.
    axes : ndarray of shape (2, 2)
        Columns are the long and the short half axis in pixels, each towards its more drawn-out end.
    """
    points = np.argwhere(inside).astype(np.float64)
    centre = points.mean(axis=0)
    away = points - centre
    spread, directions = np.linalg.eigh(away.T @ away / len(points) + np.eye(2) / 12)  # a pixel is a square, no point
    spread, directions = spread[::-1], directions[:, ::-1]
    drawn_out = np.where(((away @ directions) ** 3).sum(axis=0) < 0, -1.0, 1.0)
    return centre, directions * drawn_out * 2 * np.sqrt(spread)


def _steps(side: int = GRID) -> np.ndarray:
    return (np.arange(side) + 0.5) / side * 2 * REACH - REACH
