"""A network of Cellpose's kind over an image of any size: squares that overlap, averaged where they do.

Squares, their weights and the resizing are those of ``cellpose.core.run_net`` and ``cellpose.transforms``, and so are
the numbers that come out. Importing those takes longer than segmenting a small image, because torchvision comes along.
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np

BATCH = 8
_OVERLAP = 0.1  # of the side of a square, on each side
_DIVISOR = 16  # by which the sides a network reads can be divided; half of it is black rim
_RIM_PX, _FALL_PX, _LEAST_PX = 20, 7.5, 224  # weights fall to a half so far from the edge of a square, over so many


def run_tiles(net: Any, image: np.ndarray, scale: float, tile_px: int) -> np.ndarray:
    """Rescale an image, run the network on overlapping tiles, and bring the maps back to the image's size.

    Parameters
    ----------
    net : torch.nn.Module
        See `cellapp.segmentation.cellpose.CellposeSegmenter.from_network`.
    image : ndarray of shape (Y, X, 3), float32
    scale : float
    tile_px : int
        Side of the squares the network reads; a smaller image is padded to it.

    Returns
    -------
    ndarray of shape (Y, X, 3), float32
        Five times the flow of rows and columns, and the logit of the cell.
    """
    return _run(net, image, scale, tile_px, least_px=tile_px)


def run_small_tiles(net: Any, image: np.ndarray, scale: float, tile_px: int) -> np.ndarray:
    """Do what `run_tiles` does with tiles no larger than the image, as Cellpose 1 to 3 did.

    Their networks describe the style of what they are shown by a mean over it, which zeros around a small image change.
    """
    return _run(net, image, scale, tile_px, least_px=0)


def resize_flow(flow: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return flows, (2, Y, X) float32, at another size; the vectors keep their length."""
    return _resize(np.ascontiguousarray(flow.transpose(1, 2, 0)), shape).transpose(2, 0, 1)


def _run(net: Any, image: np.ndarray, scale: float, tile_px: int, least_px: int) -> np.ndarray:
    shape = image.shape[:2]
    scaled = image if scale == 1 else _resize(image, (int(shape[0] * scale), int(shape[1] * scale)))
    rows, columns = (_padding(side, least_px) for side in scaled.shape[:2])
    padded = np.pad(scaled.transpose(2, 0, 1), ((0, 0), rows, columns))
    out = _over_squares(net, padded, tile_px)
    inside = [slice(before, side - after) for side, (before, after) in zip(out.shape[:2], (rows, columns), strict=True)]
    out = np.ascontiguousarray(out[tuple(inside)])
    return out if out.shape[:2] == shape else _resize(out, shape)


def _resize(picture: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Resize (Y, X, C) float32 bilinearly."""
    return cv2.resize(picture, shape[::-1], interpolation=cv2.INTER_LINEAR)


def _padding(side: int, least_px: int) -> tuple[int, int]:
    """Return how many black pixels come before and after a side."""
    short = least_px - side
    missing = max(0, short - _DIVISOR) if short > 0 else -side % _DIVISOR
    return _DIVISOR // 2 + missing // 2, _DIVISOR // 2 + missing - missing // 2


def _over_squares(net: Any, padded: np.ndarray, tile_px: int) -> np.ndarray:
    """Return the maps of a padded image, (Y, X, 3) float32, from its planes, (3, Y, X)."""
    height, width = padded.shape[1:]
    places = [
        (slice(y, y + min(tile_px, height)), slice(x, x + min(tile_px, width)))
        for y in _starts(height, tile_px)
        for x in _starts(width, tile_px)
    ]
    total, weights = np.zeros((3, height, width), np.float32), np.zeros((height, width))
    weight = _weight(min(tile_px, height), min(tile_px, width))
    for start in range(0, len(places), BATCH):
        batch = places[start : start + BATCH]
        for at, maps in zip(batch, _forward(net, np.stack([padded[:, *at] for at in batch])), strict=True):
            total[:, *at] += maps * weight
            weights[at] += weight
    total /= weights
    return total.transpose(1, 2, 0)


def _starts(side: int, tile_px: int) -> list[int]:
    n = 1 if side <= tile_px else math.ceil((1 + 2 * _OVERLAP) * side / tile_px)
    return np.linspace(0, side - min(tile_px, side), n).astype(int).tolist()


def _weight(height: int, width: int) -> np.ndarray:
    """Return how much each pixel of a square counts, less at its edges; (height, width) float64."""
    side = max(_LEAST_PX, height, width)
    from_middle = np.abs(np.arange(side) - (side - 1) / 2)
    along = 1 / (1 + np.exp((from_middle - (side / 2 - _RIM_PX)) / _FALL_PX))
    rows, columns = (slice(side // 2 - length // 2, side // 2 + length // 2 + length % 2) for length in (height, width))
    return (along * along[:, None])[rows, columns]


def _forward(net: Any, squares: np.ndarray) -> np.ndarray:
    """Run the network on some squares, (N, 3, y, x) float32, and return its maps, of the same shape."""
    import torch

    with torch.inference_mode():
        maps = net(torch.from_numpy(squares).to(net.device, dtype=net.dtype))[0]
        return maps.cpu().to(torch.float32).numpy()
