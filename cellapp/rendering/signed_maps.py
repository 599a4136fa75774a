"""Signed maps as pictures: enlarged, coloured on a symmetric scale, laid over a cell; one way for pages and files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import map_coordinates

from cellapp.rendering.annotations import signed_colours

OPACITY = 0.7
"""Of the strongest square over the crop, where nobody chose another."""


@dataclass(frozen=True)
class MapStyle:
    """How a map is drawn; hashable, so that pictures are cached by it."""

    opacity: float = OPACITY  # of the strongest square over the crop, 0 to 1
    smooth: bool = False  # False shows the squares that were computed, True interpolates between their centres
    outlines: bool = True  # of cell and nucleus


def scale_of(maps: Iterable[np.ndarray]) -> float:
    """Return the half width of the symmetric scale that maps of any shapes share, in their unit; 0 without any."""
    return max((float(np.abs(one).max(initial=0.0)) for one in maps), default=0.0)


def enlarged(values: np.ndarray, shape: tuple[int, int], *, smooth: bool = False) -> np.ndarray:
    """Enlarge a map to the size of a picture.

    Parameters
    ----------
    values : ndarray of shape (h, w)
    shape : tuple of int
        Rows and columns of the picture.
    smooth : bool
        Interpolate linearly between the centres of the squares, for the eye; else every square keeps its edges.

    Returns
    -------
    ndarray of shape `shape`
        None of its values lies beyond those of the map.
    """
    if not smooth:
        rows, columns = (np.arange(side) * n // side for side, n in zip(shape, values.shape, strict=True))
        return values[np.ix_(rows, columns)]
    places = [(np.arange(side) + 0.5) * n / side - 0.5 for side, n in zip(shape, values.shape, strict=True)]
    return map_coordinates(values, np.meshgrid(*places, indexing="ij"), order=1, mode="nearest")


def laid_over(picture: np.ndarray, values: np.ndarray, limit: float, *, opacity: float = OPACITY) -> np.ndarray:
    """Lay a map over a picture: the weaker a place, the more of the picture shows through.

    Parameters
    ----------
    picture : ndarray of shape (Y, X, 3), uint8
    values : ndarray of shape (Y, X)
        See `enlarged`.
    limit : float
        Half width of the symmetric scale; 0 stands for a scale of 1.
    opacity : float
        Of a value of `limit`, 0 to 1.

    Returns
    -------
    ndarray of shape (Y, X, 3), uint8
    """
    weight = np.minimum(opacity * np.abs(values[..., None]) / (limit or 1.0), opacity)
    return np.rint((1 - weight) * picture + weight * signed_colours(values, limit)).astype(np.uint8)
