"""Cells much longer than wide: how their masks are divided, recognised, and kept where a network breaks them up."""

from __future__ import annotations

import math

import numpy as np
from scipy import ndimage

from cellapp.segmentation.label_image import relabel
from cellapp.segmentation.watershed import divide_at_seeds

LEAST_DYNAMICS = 0.2  # of the height of a maximum; two equal discs whose centres are 1.2 radii apart meet so
LEAST_DEPTH_PX = 1.0  # outlines are drawn on a grid
NETWORK_DYNAMICS = 0.6  # of the distance map of a network's foreground, whose outlines undulate along a cell
LONG = 2.0  # length over width from which cells are long
ALONG_EDGE = 3.0  # widths
RATHER_LONG, CUTS = 1.6, 1.5  # they are from this on, too, where the watershed cuts the most of them
WHOLE = 0.7  # of a piece must be in one mask of the network for its masks to stay


def divide_long(mask: np.ndarray, width_px: float, least_dynamics: float = LEAST_DYNAMICS) -> np.ndarray:
    """Divide touching cells of a mask at deep constrictions only, so that a long cell is not cut all along its ridge.

    Every seed of the watershed of the distance map is a maximum; its dynamics (Grimaud 1992) is how far one has to
    descend from it to reach a higher one. Regions are joined across the highest saddles first, until each maximum left
    has a dynamics of more than a share of its height and more than a pixel: the h-maxima of Soille (2003) with an h
    that grows with the width of the cell, as Jung and Kim (2010) choose it for clusters of nuclei.

    Parameters
    ----------
    mask : ndarray of shape (Y, X), bool
    width_px : float
        Of a typical cell.
    least_dynamics : float
        Least depth of a constriction, as a share of the height of the lower maximum beside it.

    Returns
    -------
    ndarray of shape (Y, X), int32
        Labels 1..n; each connected piece of the mask has at least one.
    """
    return join_shallow(*divide_at_seeds(mask, width_px), least_dynamics)


def join_shallow(labels: np.ndarray, height_map: np.ndarray, least_dynamics: float = LEAST_DYNAMICS) -> np.ndarray:
    """Join the regions of a watershed across shallow constrictions, see `divide_long`.

    Parameters
    ----------
    labels : ndarray of shape (Y, X), int32
        Ids 1..n.
    height_map : ndarray of shape (Y, X), float
        The distance map that was divided.
    least_dynamics : float

    Returns
    -------
    ndarray of shape (Y, X), int32
        Ids 1..n.
    """
    n_labels = int(labels.max(initial=0))
    if n_labels < 2:
        return labels
    peaks = np.concatenate([[0.0], ndimage.maximum(height_map, labels, np.arange(1, n_labels + 1))])
    return relabel(_joined(peaks, *_saddles(labels, height_map), least_dynamics)[labels])


def are_long(joined: np.ndarray, n_cut: int, width_px: float) -> bool:
    """Return whether cells are long, so that their areas are those of `join_shallow` and not of the watershed.

    Parameters
    ----------
    joined : ndarray of shape (Y, X), int32
        From `join_shallow`.
    n_cut : int
        Regions of the watershed.
    width_px : float
        Of a typical cell. What runs along an edge of the image for much longer is background around clumps of cells.
    """
    edges = np.concatenate([joined[0], joined[-1], joined[1:-1, 0], joined[1:-1, -1]])
    on_edge = np.bincount(edges, minlength=int(joined.max(initial=0)) + 1)
    elongation = typical_elongation(np.where((on_edge <= ALONG_EDGE * width_px)[joined], joined, 0))
    return elongation >= LONG or (elongation >= RATHER_LONG and n_cut >= CUTS * joined.max(initial=0))


def _saddles(labels: np.ndarray, height_map: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return pairs of neighbouring regions, (N, 2), and the greatest height of a pixel pair across, highest first."""
    pairs, heights = [], []
    for near, far in ((np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1])):
        a, b = labels[near], labels[far]
        across = (a != b) & (a > 0) & (b > 0)
        pairs.append(np.sort(np.stack([a[across], b[across]], axis=1), axis=1))
        heights.append(np.minimum(height_map[near][across], height_map[far][across]))
    joined, values = np.concatenate(pairs), np.concatenate(heights)
    order = np.lexsort((joined[:, 1], joined[:, 0], -values))
    return joined[order], values[order]


def _joined(peaks: np.ndarray, pairs: np.ndarray, heights: np.ndarray, least_dynamics: float) -> np.ndarray:
    """Return the region that each region becomes part of, (n + 1,) integer."""
    parents = np.arange(len(peaks))

    def root(region: int) -> int:
        while parents[region] != region:
            region = parents[region]
        return region

    for (a, b), height in zip(pairs.tolist(), heights.tolist(), strict=True):
        high, low = sorted((root(a), root(b)), key=lambda region: (-peaks[region], region))
        if high != low and peaks[low] - height <= max(least_dynamics * peaks[low], LEAST_DEPTH_PX):
            parents[low] = high
    return np.array([root(region) for region in range(len(peaks))])


def typical_elongation(labels: np.ndarray) -> float:
    """Return the median length over width of labelled pieces, each weighted by its area; 1 where there are none.

    Length and width are the axes of the ellipse of the same second moments. A net or a clump of cells is thin in places
    and yet about as wide as long; a rod, a spindle or a bent fibre is not.
    """
    y, x = np.nonzero(labels)
    if not y.size:
        return 1.0
    of = labels[y, x]
    areas = np.bincount(of).astype(float)
    moments = {key: np.bincount(of, weights) for key, weights in _powers(y.astype(float), x.astype(float)).items()}
    areas, *sums = (values[areas > 0] for values in (areas, *moments.values()))
    my, mx, yy, xx, xy = (values / areas for values in sums)
    var_y, var_x, cov = yy - my**2 + 1 / 12, xx - mx**2 + 1 / 12, xy - my * mx
    root = np.sqrt((var_y - var_x) ** 2 / 4 + cov**2)
    ratios = np.sqrt(((var_y + var_x) / 2 + root) / np.maximum((var_y + var_x) / 2 - root, 1 / 12))
    order = np.argsort(ratios)
    return float(ratios[order][np.searchsorted(np.cumsum(areas[order]), areas.sum() / 2)])


def _powers(y: np.ndarray, x: np.ndarray) -> dict[str, np.ndarray]:
    return {"y": y, "x": x, "yy": y * y, "xx": x * x, "xy": x * y}


def mend_long(labels: np.ndarray, foreground: np.ndarray, width_px: float, min_size_px: int) -> np.ndarray:
    """Give each piece of the foreground that a network's masks break up or leave out to one cell.

    Flows towards the middle of a cell, which are what Cellpose's networks predict, have several sinks in a long cell
    (Cutler et al. 2022), and its parts fail the check of their flows.

    Parameters
    ----------
    labels : ndarray of shape (Y, X), int32
        Masks of the network.
    foreground : ndarray of shape (Y, X), bool
        Of the network.
    width_px : float
        Of a typical cell.
    min_size_px : int
        Smaller pieces are no cells.

    Returns
    -------
    ndarray of shape (Y, X), int32
        Ids 1..n.
    """
    return mend_pieces(labels, divide_long(foreground, width_px, NETWORK_DYNAMICS), min_size_px)


def mend_pieces(labels: np.ndarray, pieces: np.ndarray, min_size_px: int) -> np.ndarray:
    """Give each piece that masks break up or leave out to one cell; masks outside all pieces stay.

    Parameters
    ----------
    labels, pieces : ndarray of shape (Y, X), int32
        Ids 1..n.
    min_size_px : int
        Smaller pieces are no cells.

    Returns
    -------
    ndarray of shape (Y, X), int32
        Ids 1..n.
    """
    areas = np.bincount(pieces.ravel())
    both = (pieces > 0) & (labels > 0)
    pairs, counts = np.unique(np.stack([pieces[both], labels[both]]), axis=1, return_counts=True)
    largest = np.zeros(len(areas))
    np.maximum.at(largest, pairs[0], counts)
    whole = largest >= WHOLE * areas
    whole[0] = True
    broken = np.flatnonzero(~whole & (areas >= max(min_size_px, 1)))
    # A mask stays where most of it lies in pieces that are whole, or in none.
    kept = np.bincount(labels.ravel(), whole[pieces].ravel()) > np.bincount(labels.ravel()) / 2
    kept[0] = False
    mended = np.where(kept[labels], labels, 0)
    mended = np.where((mended == 0) & np.isin(pieces, broken), pieces + labels.max(initial=0), mended)
    return relabel(mended.astype(np.int32))


def length_px(diameter_px: float, width_px: float) -> float:
    """Return the length of a rod with the area of a disc of this diameter."""
    return math.pi / 4 * diameter_px**2 / width_px
