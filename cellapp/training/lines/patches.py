"""Patches of an image where cells are: the instances of a bag."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cellapp.segmentation.confluency import iterative_mask, stretched

PATCH_PX, MOST = 112, 20
_STEP = 4  # candidates lie a quarter of a patch apart
_MOST_OVERLAP = 0.25  # of the area of a patch


@dataclass(frozen=True, eq=False)
class Patches:
    """The patches of one image."""

    pixels: np.ndarray  # (P, S, S) float32, 0 to 1
    corners: np.ndarray  # (P, 2) int, y and x
    confluency: float  # covered share of the image


def cut_patches(image: np.ndarray, *, side_px: int = PATCH_PX, most: int = MOST) -> Patches:
    """Cut the most confluent patches of an image, none over much of another.

    Parameters
    ----------
    image : ndarray of shape (Y, X)
        Any numbers; stretched from its 0.5th to its 99.5th percentile.
    side_px : int
        Side of a patch; at most the shorter side of the image.
    most : int
        At most so many patches.

    Returns
    -------
    Patches
        The most confluent first; at least one.
    """
    plane, side = stretched(image), min(side_px, *image.shape)
    mask = iterative_mask(plane)
    step = max(1, side // _STEP)
    ys, xs = (_starts(length, side, step) for length in plane.shape)
    sums = np.pad(mask, ((1, 0), (1, 0))).astype(np.int64).cumsum(0).cumsum(1)
    y, x = (grid.ravel() for grid in np.meshgrid(ys, xs, indexing="ij"))
    inside = sums[y + side, x + side] - sums[y, x + side] - sums[y + side, x] + sums[y, x]
    corners = np.stack([y, x], axis=1)[np.argsort(-inside, kind="stable")]
    kept = _apart(corners, side, most)
    pixels = np.stack([plane[y : y + side, x : x + side] for y, x in kept])
    return Patches(pixels, kept, float(mask.mean()))


def _starts(length: int, side: int, step: int) -> np.ndarray:
    return np.unique(np.append(np.arange(0, length - side + 1, step), length - side))


def _apart(corners: np.ndarray, side: int, most: int) -> np.ndarray:
    kept: list[np.ndarray] = []
    for corner in corners:
        if all(_overlap(corner, other, side) <= _MOST_OVERLAP for other in kept):
            kept.append(corner)
            if len(kept) == most:
                break
    return np.array(kept)


def _overlap(one: np.ndarray, other: np.ndarray, side: int) -> float:
    return float(np.prod(np.maximum(side - np.abs(one - other), 0)) / side**2)
