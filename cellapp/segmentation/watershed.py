"""Divide a mask into single cells by watershed: from maxima of the distance map, or from nuclei."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from skimage.feature import peak_local_max
from skimage.segmentation import watershed

SEED_SMOOTHING = 0.06  # of the distance map, in diameters
SEED_SPACING = 0.3  # least distance between two seeds, in diameters


def split_touching(mask: np.ndarray, diameter_px: float) -> np.ndarray:
    """Divide touching cells of a mask at their constrictions, by a watershed of the distance map.

    Parameters
    ----------
    mask : ndarray of shape (Y, X), bool
    diameter_px : float
        Of a typical cell; constrictions of structures much smaller than it are kept.

    Returns
    -------
    ndarray of shape (Y, X), int32
        Labels 1..n; each connected piece of the mask has at least one.
    """
    return divide_at_seeds(mask, diameter_px)[0]


def divide_at_seeds(mask: np.ndarray, diameter_px: float) -> tuple[np.ndarray, np.ndarray]:
    """Do as `split_touching`, and also return the smoothed distance map, (Y, X) float."""
    distance = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    smooth = ndimage.gaussian_filter(distance, SEED_SMOOTHING * diameter_px)
    labels = watershed(-smooth, seeds_of(smooth, mask, diameter_px), mask=mask).astype(np.int32)
    return labels, smooth


def seeds_of(height_map: np.ndarray, mask: np.ndarray, diameter_px: float) -> np.ndarray:
    """Mark the local maxima of a map, at least one in each connected piece of a mask.

    Parameters
    ----------
    height_map : ndarray of shape (Y, X), float
        High in the middle of cells.
    mask : ndarray of shape (Y, X), bool
    diameter_px : float

    Returns
    -------
    ndarray of shape (Y, X), int32
        One pixel per seed, numbered from 1.
    """
    pieces, n_pieces = ndimage.label(mask)
    seeds = np.zeros(mask.shape, np.int32)
    if n_pieces == 0:
        return seeds
    spacing = max(round(SEED_SPACING * diameter_px), 1)
    at = peak_local_max(height_map, min_distance=spacing, labels=mask.astype(np.int8), exclude_border=False)
    unseeded = np.setdiff1d(np.arange(1, n_pieces + 1), pieces[tuple(at.T)])
    maxima = ndimage.maximum_position(height_map, pieces, unseeded) if len(unseeded) else []
    at = np.concatenate([at, np.asarray(maxima, dtype=at.dtype).reshape(-1, 2)])
    seeds[tuple(at.T)] = np.arange(1, len(at) + 1)
    return seeds


def grow_cells(nuclei: np.ndarray, body: np.ndarray, brightness: np.ndarray, diameter_px: float) -> np.ndarray:
    """Grow nuclei to whole cells.

    A watershed from the nuclei over the body, whose cost rises with the distance from the nucleus and where the
    cytoplasm is dim, in the manner of the propagation of Jones, Carpenter and Golland (2005).

    Parameters
    ----------
    nuclei : ndarray of shape (Y, X), int32
        Labels of nuclei.
    body : ndarray of shape (Y, X), bool
        Where there is cytoplasm.
    brightness : ndarray of shape (Y, X), float32
        Of the cytoplasm, in logit of the foreground.
    diameter_px : float

    Returns
    -------
    ndarray of shape (Y, X), int32
        Pieces of the body without any nucleus are cells of their own.
    """
    mask = body | (nuclei > 0)
    pieces, n_pieces = ndimage.label(mask)
    bare = np.setdiff1d(np.arange(1, n_pieces + 1), pieces[nuclei > 0])
    seeds = np.where(np.isin(pieces, bare), pieces + nuclei.max(initial=0), nuclei)
    away = ndimage.distance_transform_edt(nuclei == 0) / diameter_px if nuclei.any() else 0.0
    return watershed(away - brightness / 30, seeds, mask=mask).astype(np.int32)
