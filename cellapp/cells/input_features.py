"""What a head may read of a cell beside the encoder's vectors: measurements of the encoder's input."""

from __future__ import annotations

import numpy as np
from skimage.transform import downscale_local_mean

from cellapp.cells.crop_features import MEASURED, PLANES, SIDE_PX, central_objects, measure_planes
from cellapp.cells.cytoskeleton import DESCRIPTORS, describe
from cellapp.settings import FeatureSettings

CYTOSKELETON = tuple(f"{name}_{plane}" for plane in PLANES for name in DESCRIPTORS)
"""Columns of `describe_planes`."""


def measured_names(reads: FeatureSettings) -> tuple[str, ...]:
    """Return the measurements that a head with these settings reads, in order; none for vectors alone."""
    return (*(MEASURED if reads.shape else ()), *(CYTOSKELETON if reads.cytoskeleton else ()))


def measure_input(crops: np.ndarray, reads: FeatureSettings) -> np.ndarray | None:
    """Measure the input of an encoder.

    Parameters
    ----------
    crops : ndarray of shape (N, 3, S, S), float32
    reads : FeatureSettings

    Returns
    -------
    ndarray of shape (N, M), float32, or None
        In the order of `measured_names`; None where a head reads vectors alone.
    """
    parts = [measure_planes(crops)] if reads.shape else []
    parts += [describe_planes(crops)] if reads.cytoskeleton else []
    return np.concatenate(parts, axis=1) if parts else None


def describe_planes(crops: np.ndarray) -> np.ndarray:
    """Describe the cytoskeleton of the object in the middle of each crop, see `cellapp.cells.cytoskeleton`.

    Parameters
    ----------
    crops : ndarray of shape (N, 3, S, S), float32
        0 to 1, as made by `cellapp.encoders.crop_to_rgb.encoder_input`.

    Returns
    -------
    ndarray of shape (N, 39), float32
        In the order of `CYTOSKELETON`; 0 for what cannot be told. The object is that of the mean of the planes, see
        `cellapp.cells.crop_features.central_objects`.
    """
    if len(crops) == 0:
        return np.zeros((0, len(CYTOSKELETON)), np.float32)
    block = max(1, crops.shape[-1] // SIDE_PX)
    planes = downscale_local_mean(crops, (1, 1, block, block)).astype(np.float64)
    objects = central_objects(planes.mean(axis=1))
    rows = [[describe(plane, inside) for plane in cell] for cell, inside in zip(planes, objects, strict=True)]
    return np.nan_to_num(np.reshape(rows, (len(crops), -1)), nan=0.0).astype(np.float32)
