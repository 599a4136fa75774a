"""Descriptors of the cytoskeleton that biologists know: order and length of fibres, place of stain, grain, texture."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import numpy as np
from scipy.ndimage import convolve, distance_transform_edt, label
from skimage import feature, morphology  # their parts load, and scipy.stats with them, when a head reads descriptors
from skimage.filters import threshold_otsu

GRAIN_PX = (1, 2, 4)
"""Radii of the openings of `granularity`, px."""
_SIGMA_PX = 1.5  # window in which the direction of fibres is measured
_RIDGE_PX = 1.5  # half width of fibres
_LEVELS = 32
_ANGLES = (0, np.pi / 4, np.pi / 2, 3 * np.pi / 4)
_TEXTURES = ("contrast", "correlation", "homogeneity")
_NEIGHBOURS = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]])

DESCRIPTORS = (
    "fibre_order",
    "fibre_coherency",
    "fibre_length",
    "fibre_density",
    "fibre_branching",
    "radial_mean",
    *(f"granularity_{radius}" for radius in GRAIN_PX),
    *(f"texture_{name}" for name in _TEXTURES),
    "texture_entropy",
)
"""What `describe` measures of one channel of a cell, in this order.

fibre_order and fibre_coherency, 0 to 1, from the structure tensor, weighted by gradients: how far the fibres of the
cell share one direction, and how far each place has one. fibre_length: mean length of a stretch of skeleton between
ends and branches, px; fibre_density: skeleton per area, 1/px; fibre_branching: branches per 100 px of skeleton.
radial_mean: mean distance from the middle weighted by brightness, over the unweighted mean: 1 is even, more is towards
the edge. granularity_r: share of brightness that an opening with a disc of radius r takes and a smaller one leaves
(Maragos 1989). texture: contrast, correlation, homogeneity and entropy of neighbouring grey levels, mean of four
directions (Haralick and others 1973, doi:10.1109/TSMC.1973.4309314).
"""

DESCRIPTOR_NAMES: Mapping[str, str] = {
    "fibre_order": "order of fibre directions",
    "fibre_coherency": "coherency of fibres",
    "fibre_length": "length of fibres",
    "fibre_density": "density of fibres",
    "fibre_branching": "branching of fibres",
    "radial_mean": "distance from the middle",
    **{f"granularity_{radius}": f"granularity at {radius} px" for radius in GRAIN_PX},
    **{f"texture_{name}": f"texture: {name}" for name in (*_TEXTURES, "entropy")},
}
"""Names for people."""


def describe(plane: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Describe one channel of a cell.

    Parameters
    ----------
    plane : ndarray of shape (h, w)
        Any intensities; no descriptor changes when they are multiplied or when something is added to all of them.
    inside : ndarray of shape (h, w), bool
        True on the cell.

    Returns
    -------
    ndarray of shape (13,), float64
        In the order of `DESCRIPTORS`; what cannot be told is missing: all of a cell without contrast or of fewer than
        16 pixels, and length and branching where there are no fibres.
    """
    values = plane[inside].astype(np.float64)
    if len(values) < 16 or values.max() <= values.min():
        return np.full(len(DESCRIPTORS), np.nan)
    low, high = values.min(), values.max()
    scaled = np.where(inside, (plane - low) / (high - low), 0.0)
    return np.array([*_directions(scaled, inside), *_fibres(scaled, inside), *_distribution(scaled, inside)])


def _directions(scaled: np.ndarray, inside: np.ndarray) -> tuple[float, float]:
    """Return order and coherency; gradients of the cell's own outline are no fibres."""
    deep = _interior(inside)
    rr, rc, cc = feature.structure_tensor(_continued(scaled, inside), sigma=_SIGMA_PX, order="rc")
    energy = (rr + cc)[deep]
    if energy.sum() <= 0:
        return 0.0, 0.0
    doubled = ((cc - rr) + 2j * rc)[deep]  # anisotropy times exp(2 i angle)
    first, second = feature.structure_tensor_eigenvalues((rr, rc, cc))
    return float(abs(doubled.sum()) / energy.sum()), float((first - second)[deep].sum() / energy.sum())


def _interior(inside: np.ndarray) -> np.ndarray:
    deep = distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1] > 2
    return deep if deep.sum() >= 4 else inside


def _continued(scaled: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Go on beyond the cell with the brightness of its nearest pixel, so that its outline is no edge."""
    nearest = distance_transform_edt(~inside, return_distances=False, return_indices=True)
    return scaled[tuple(nearest)]


def _fibres(scaled: np.ndarray, inside: np.ndarray) -> tuple[float, float, float]:
    """Return length, density and branching of the skeleton of bright ridges."""
    curvature = feature.hessian_matrix(
        _continued(scaled, inside), _RIDGE_PX, order="rc", use_gaussian_derivatives=False
    )
    ridges = np.maximum(-feature.hessian_matrix_eigvals(curvature)[-1], 0)  # bright lines curve down across
    of_cell = ridges[inside]
    if of_cell.max() <= of_cell.min():
        return np.nan, 0.0, np.nan
    skeleton = morphology.skeletonize(inside & (ridges > threshold_otsu(of_cell)))
    length = int(skeleton.sum())
    if not length:
        return np.nan, 0.0, np.nan
    crowded = skeleton & (convolve(skeleton.astype(int), _NEIGHBOURS, mode="constant") > 2)
    n_branches = _pieces(crowded)
    n_stretches = max(_pieces(skeleton & ~crowded), 1)
    return length / n_stretches, length / inside.sum(), 100 * n_branches / length


def _pieces(mask: np.ndarray) -> int:
    return int(label(mask, np.ones((3, 3)))[1])


def _distribution(scaled: np.ndarray, inside: np.ndarray) -> list[float]:
    depth = distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1][inside]
    from_middle, values = 1 - depth / depth.max(), scaled[inside]
    mean = from_middle.mean()
    radial = float((from_middle * values).sum() / values.sum() / mean) if mean > 0 else np.nan
    return [radial, *_granularity(scaled, inside), *_texture(scaled, inside)]


def _granularity(scaled: np.ndarray, inside: np.ndarray) -> list[float]:
    whole, before, shares = scaled[inside].sum(), scaled[inside].sum(), []
    for radius in GRAIN_PX:
        left = morphology.opening(scaled, morphology.disk(radius))[inside].sum()
        shares.append(float((before - left) / whole))
        before = left
    return shares


def _texture(scaled: np.ndarray, inside: np.ndarray) -> list[float]:
    """Return Haralick's measures of neighbours that are both inside the cell."""
    levels = np.where(inside, 1 + np.minimum((scaled * _LEVELS).astype(int), _LEVELS - 1), 0).astype(np.uint8)
    counts = feature.graycomatrix(levels, [1], _ANGLES, _LEVELS + 1, symmetric=True)[1:, 1:].astype(np.float64)
    pairs = counts.sum(axis=(0, 1), keepdims=True)
    shares = np.divide(counts, pairs, out=np.zeros_like(counts), where=pairs > 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        found = [float(feature.graycoprops(shares, name).mean()) for name in _TEXTURES]
    logs = np.log2(shares, out=np.zeros_like(shares), where=shares > 0)
    return [*found, float(-(shares * logs).sum(axis=(0, 1)).mean())]
