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


def rods(length_px, width_px, *, angle=0.0, n=3, pointed=False, bend=0.0):
    """Label image of n by n separate long cells: rods, spindles that taper to a point, or rods bent to an arc."""
    reach_y = abs(length_px * np.sin(angle)) + 2 * width_px + 8 + bend * length_px
    reach_x = abs(length_px * np.cos(angle)) + 2 * width_px + 8
    labels = np.zeros((int(reach_y * n), int(reach_x * n)), np.int32)
    y, x = np.mgrid[: labels.shape[0], : labels.shape[1]]
    for number in range(n * n):
        dy, dx = y - reach_y * (number // n + 0.5), x - reach_x * (number % n + 0.5)
        along, across = dx * np.cos(angle) + dy * np.sin(angle), dy * np.cos(angle) - dx * np.sin(angle)
        across = across - bend * length_px * (0.5 - (2 * along / length_px) ** 2)
        if pointed:
            inside = np.abs(across) <= width_px / 2 * (1 - np.abs(2 * along / length_px).clip(0, 1) ** 1.5)
        else:
            past = np.maximum(np.abs(along) - (length_px - width_px) / 2, 0)
            inside = past**2 + across**2 <= (width_px / 2) ** 2
        labels[inside & (np.abs(along) <= length_px / 2)] = number + 1
    return labels
