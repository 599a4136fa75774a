"""Pictures whose cells are known exactly."""

import numpy as np


def discs(shape, centres, radius_px):
    """Label image of discs, numbered from 1; later ones do not cover earlier ones."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    labels = np.zeros(shape, np.int32)
    for number, (cy, cx) in enumerate(centres, start=1):
        labels[(labels == 0) & ((y - cy) ** 2 + (x - cx) ** 2 <= radius_px**2)] = number
    return labels


def grid_of_discs(radius_px, n=4, gap=2.6):
    """n by n separate discs."""
    step = gap * radius_px
    side = int(step * n)
    places = [(step * (i + 0.5), step * (j + 0.5)) for i in range(n) for j in range(n)]
    return discs((side, side), places, radius_px)


def glowing(labels, noise=0.02, seed=0):
    """One-channel float picture of labels, bright on dark, 0 to 1."""
    rng = np.random.default_rng(seed)
    plane = 0.1 + 0.7 * (labels > 0) + rng.normal(0, noise, labels.shape)
    return np.clip(plane, 0, 1).astype(np.float32)[None]
