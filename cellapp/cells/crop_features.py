"""Measured features of encoder inputs: size, shape and brightness of the object in the middle of each plane.

They depend on the encoder's input only, so that a cell cut from a slide and the same cell in a file give the same
numbers.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from skimage.filters import threshold_otsu
from skimage.transform import downscale_local_mean

from cellapp.cells.measure import measure
from cellapp.types.cells import LabelMask

PLANES = ("red", "green", "blue")
_SHAPES = ("eccentricity", "solidity", "extent")
_LENGTHS = ("perimeter_px", "major_axis_px", "minor_axis_px")
_OF_OBJECT = ("area", *(name.removesuffix("_px") for name in _LENGTHS), *_SHAPES)
_OF_PLANE = ("inside", "spread", "outside")
MEASURED = tuple(
    f"{segmented}_{name}"
    for segmented in PLANES
    for name in (*_OF_OBJECT, *(f"{name}_{plane}" for plane in PLANES for name in _OF_PLANE))
)
"""Columns of `measure_planes`: the plane an object was segmented in, then the measurement."""

SIDE_PX = 64
"""Larger inputs are averaged down to about this side: shapes keep, cost does not grow."""
_SMOOTH_PX = 1.5
_IN_PLANE = np.stack([np.zeros((3, 3)), ndimage.generate_binary_structure(2, 1), np.zeros((3, 3))]).astype(bool)


def measure_planes(crops: np.ndarray) -> np.ndarray:
    """Measure the object in the middle of each plane of each crop.

    An object is what differs from the plane's rim, brighter or darker (a transmission image has both), by more than
    Otsu's threshold of that difference; holes are filled, and of several objects the one with most weight under a
    Gaussian around the middle counts. Shapes and intensities come from `cellapp.cells.measure.measure`.

    Parameters
    ----------
    crops : ndarray of shape (N, 3, S, S), float32
        0 to 1, as made by `cellapp.encoders.crop_to_rgb.encoder_input`.

    Returns
    -------
    ndarray of shape (N, M), float32
        In the order of `MEASURED`: area as a share of the crop and lengths as a share of its side, shapes without a
        unit, and of each plane the mean and standard deviation inside the object and the mean outside. An object that
        is not there has zeros, and so have zero crops no rows.
    """
    if len(crops) == 0:
        return np.zeros((0, len(MEASURED)), np.float32)
    block = max(1, crops.shape[-1] // SIDE_PX)
    planes = downscale_local_mean(crops, (1, 1, block, block)).astype(np.float64)
    return np.concatenate(
        [_measure_objects(planes, central_objects(planes[:, k])) for k in range(3)], axis=1, dtype=np.float32
    )


def central_objects(plane: np.ndarray) -> np.ndarray:
    """Segment the object in the middle of each plane.

    Parameters
    ----------
    plane : ndarray of shape (N, S, S)

    Returns
    -------
    ndarray of shape (N, S, S), bool
        At most one object each; none where the picture has no contrast.
    """
    rim = np.concatenate([plane[:, 0], plane[:, -1], plane[:, :, 0], plane[:, :, -1]], axis=1)
    difference = np.abs(plane - np.median(rim, axis=1)[:, None, None])
    smooth = ndimage.gaussian_filter(difference, (0, _SMOOTH_PX, _SMOOTH_PX))
    mask = np.stack([one > threshold_otsu(one) if np.ptp(one) > 0 else np.zeros(one.shape, bool) for one in smooth])
    objects, n_objects = ndimage.label(ndimage.binary_fill_holes(mask, _IN_PLANE), _IN_PLANE)
    is_central = np.zeros(n_objects + 1, bool)
    weights = np.bincount(objects.ravel(), np.broadcast_to(_central_weight(plane.shape[-1]), plane.shape).ravel())
    for one in objects:
        ids = np.unique(one[one > 0])
        if len(ids):
            is_central[ids[weights[ids].argmax()]] = True
    return is_central[objects]


def _central_weight(side: int) -> np.ndarray:
    at = (np.arange(side) - (side - 1) / 2) / (side / 6)
    return np.exp(-(at[:, None] ** 2 + at**2) / 2)


def _measure_objects(planes: np.ndarray, objects: np.ndarray) -> np.ndarray:
    """Measure one object per crop, (N, M / 3); crops are stacked in one column so that one call measures all."""
    n_cells, _, side, _ = planes.shape
    labels = (objects * np.arange(1, n_cells + 1, dtype=np.int32)[:, None, None]).reshape(-1, side)
    column = planes.transpose(1, 0, 2, 3).reshape(3, -1, side)
    table = measure(column, LabelMask(labels, "otsu"), channels=PLANES).reindex(range(1, n_cells + 1), fill_value=0)
    columns = [table["area_px"] / side**2, *(table[name] / side for name in _LENGTHS), *(table[s] for s in _SHAPES)]
    n_outside = np.maximum((~objects).sum(axis=(1, 2)), 1)
    for k, name in enumerate(PLANES):
        outside = np.where(objects, 0, planes[:, k]).sum(axis=(1, 2)) / n_outside
        columns += [table[f"intensity_mean_{name}"], table[f"intensity_std_{name}"], outside]
    return np.nan_to_num(np.stack(columns, axis=1))
