"""Crops without some of their patches, and sums of pixels over patches."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def background(pixels: torch.Tensor) -> torch.Tensor:
    """Return what stands for "nothing there": the median of each plane on the outline of the crop.

    Parameters
    ----------
    pixels : Tensor of shape (N, C, S, S)

    Returns
    -------
    Tensor of shape (N, C, 1, 1)
    """
    import torch

    sides = (pixels[:, :, 0], pixels[:, :, -1], pixels[:, :, :, 0], pixels[:, :, :, -1])
    return torch.cat(sides, dim=2).median(dim=2).values[:, :, None, None]


def sum_over_patches(values: torch.Tensor, grid: tuple[int, int]) -> torch.Tensor:
    """Sum values of pixels, (N, C, S, S), over planes and over the patches of a grid, (N, h, w)."""
    from torch.nn.functional import adaptive_avg_pool2d

    summed = values.sum(dim=1)
    return adaptive_avg_pool2d(summed[:, None], grid)[:, 0] * (summed[0].numel() / (grid[0] * grid[1]))


def without_patches(pixels: torch.Tensor, removed: torch.Tensor, filling: torch.Tensor) -> torch.Tensor:
    """Replace patches of crops.

    Parameters
    ----------
    pixels : Tensor of shape (N, C, S, S)
    removed : Tensor of shape (N, h, w), bool
        True where a patch is replaced.
    filling : Tensor that broadcasts to `pixels`

    Returns
    -------
    Tensor of shape (N, C, S, S)
    """
    import torch
    from torch.nn.functional import interpolate

    mask = interpolate(removed[:, None].to(pixels.dtype), size=pixels.shape[-2:], mode="nearest") > 0.5
    return torch.where(mask, filling, pixels)
