"""Vectors of cells from the patches they cover: masked average pooling (Zhang et al. 2018, arXiv:1810.09091)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse


@dataclass(frozen=True, eq=False)
class PatchSums:
    """What the patches of some cells add up to, each weighted by the share of it that the cell covers."""

    n_patches: np.ndarray  # (N,) float64: how many patches a cell covers, in all
    tokens: np.ndarray  # (N, D) float64
    squares: np.ndarray  # (N, D) float64

    def __add__(self, other: PatchSums) -> PatchSums:
        """Add what the same cells cover in other windows."""
        return PatchSums(self.n_patches + other.n_patches, self.tokens + other.tokens, self.squares + other.squares)

    @property
    def mean(self) -> np.ndarray:
        """Mean token of each cell, (N, D) float32; not a number where a cell covers nothing."""
        return (self.tokens / self.n_patches[:, None]).astype(np.float32)

    @property
    def spread(self) -> np.ndarray:
        """Standard deviation of each cell's tokens, (N, D) float32: how uneven the cell is."""
        n_patches = self.n_patches[:, None]
        variance = self.squares / n_patches - (self.tokens / n_patches) ** 2
        return np.sqrt(np.maximum(variance, 0)).astype(np.float32)


def nothing_covered(n_cells: int, dim: int) -> PatchSums:
    """Return the sums of cells before any window was looked at."""
    return PatchSums(np.zeros(n_cells), np.zeros((n_cells, dim)), np.zeros((n_cells, dim)))


def pool_patches(patches: np.ndarray, labels: np.ndarray, cell_ids: np.ndarray, grid: tuple[int, int]) -> PatchSums:
    """Add up the patches that each cell covers in some windows; a cell's sums depend on no other cell.

    Parameters
    ----------
    patches : ndarray of shape (W, P, D)
        Tokens of each of W windows, row-major over `grid`.
    labels : ndarray of shape (W, S, S), int
        Which cell each pixel of the windows belongs to; 0 is background. S need be no multiple of `grid`.
    cell_ids : ndarray of shape (N,)
        Cells wanted, in any order; others are passed over.
    grid : tuple of int
        Rows and columns of the patches in a window.

    Returns
    -------
    PatchSums
        In the order of `cell_ids`; zero where a cell has no pixel in the windows.
    """
    shares = _shares(labels, cell_ids, grid)
    flat = patches.reshape(shares.shape[1], patches.shape[-1]).astype(np.float64)
    return PatchSums(shares.sum(axis=1), shares @ flat, shares @ flat**2)


def _shares(labels: np.ndarray, cell_ids: np.ndarray, grid: tuple[int, int]) -> sparse.csr_array:
    """Return which share of each patch, 0 to 1, each cell covers, (N, W * P)."""
    n_windows, height, width = labels.shape
    n_patches = grid[0] * grid[1]
    patch_of = np.add.outer(np.arange(height) * grid[0] // height * grid[1], np.arange(width) * grid[1] // width)
    n_pixels = np.bincount(patch_of.ravel(), minlength=n_patches)
    inside = np.flatnonzero(labels)
    rows = pd.Index(cell_ids).get_indexer(labels.ravel()[inside])
    inside, rows = inside[rows >= 0], rows[rows >= 0]
    window, pixel = np.divmod(inside, height * width)
    patch = patch_of.ravel()[pixel]
    where = (rows, window * n_patches + patch)
    return sparse.coo_array((1 / n_pixels[patch], where), shape=(len(cell_ids), n_windows * n_patches)).tocsr()
