"""Test-time augmentation: tokens averaged over rotated and mirrored views, as cells have no preferred orientation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

N_VIEWS = 8
"""Four quarter turns, each plain and mirrored: the symmetries of a square."""


def view(pictures: np.ndarray, number: int) -> np.ndarray:
    """Rotate and mirror pictures.

    Parameters
    ----------
    pictures : ndarray of shape (..., S, S)
        Square in the last two axes.
    number : int
        0 to 7; 0 changes nothing.

    Returns
    -------
    ndarray of shape (..., S, S)
        A quarter turn for each step, and from 4 on mirrored left to right before that.
    """
    mirrored = pictures[..., ::-1] if number >= N_VIEWS // 2 else pictures
    return np.rot90(mirrored, number % 4, axes=(-2, -1))


def view_back(pictures: np.ndarray, number: int) -> np.ndarray:
    """Undo `view`."""
    turned = np.rot90(pictures, -(number % 4), axes=(-2, -1))
    return turned[..., ::-1] if number >= N_VIEWS // 2 else turned


def mean_tokens(
    infer: Callable[[np.ndarray], np.ndarray], crops: np.ndarray, n_views: int, *, n_prefix: int, grid: tuple[int, int]
) -> np.ndarray:
    """Average the tokens of a network over views, with each patch token moved back to its position in the crop.

    Parameters
    ----------
    infer : callable
        From crops (N, 3, S, S) to tokens (N, n_prefix + P, D).
    crops : ndarray of shape (N, 3, S, S)
    n_views : int
        How many of the eight, from the first.
    n_prefix : int
        Tokens before the patch tokens; they have no position.
    grid : tuple of int
        Patch tokens as rows and columns, the same number of both.

    Returns
    -------
    ndarray of shape (N, n_prefix + P, D), float32
    """
    total = infer(crops)
    for number in range(1, n_views):
        tokens = infer(np.ascontiguousarray(view(crops, number)))
        patches = tokens[:, n_prefix:].reshape(len(tokens), *grid, -1).transpose(0, 3, 1, 2)
        back = view_back(patches, number).transpose(0, 2, 3, 1).reshape(len(tokens), grid[0] * grid[1], -1)
        total = total + np.concatenate([tokens[:, :n_prefix], back], axis=1)
    return total / np.float32(n_views) if n_views > 1 else total
