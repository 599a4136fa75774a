"""Random changes of training crops: position, orientation, shear, brightness and the weight of each plane."""

from __future__ import annotations

import math

import torch
from torch.nn.functional import affine_grid, grid_sample

from cellapp.training.classifier.recipe import Augmentation


def augment(planes: torch.Tensor, recipe: Augmentation) -> torch.Tensor:
    """Change each crop by a draw of its own, with torch's default generator.

    Parameters
    ----------
    planes : Tensor of shape (B, 3, S, S), float32
        0 to 1.
    recipe : Augmentation

    Returns
    -------
    Tensor of shape (B, 3, S, S), float32
        0 to 1. What comes in from outside a crop mirrors it. Three equal planes, of a crop of one channel, stay equal.
    """
    grid = affine_grid(_matrices(len(planes), recipe), list(planes.shape), align_corners=False)
    moved = grid_sample(planes, grid, padding_mode="reflection", align_corners=False)
    alike = (planes == planes[:, :1]).flatten(1).all(dim=1)[:, None, None, None]
    weight = torch.where(alike, 1.0, 1 + recipe.channels * _between(len(planes), 3)[:, :, None, None])
    return (moved * weight * (1 + recipe.brightness * _between(len(planes), 1)[:, :, None, None])).clamp(0, 1)


def _between(*shape: int) -> torch.Tensor:
    """Draw uniformly between -1 and 1."""
    return 2 * torch.rand(*shape) - 1


def _matrices(n: int, recipe: Augmentation) -> torch.Tensor:
    """Draw maps from the new crop to the old one, (n, 2, 3): rotated, sheared, scaled, mirrored, then moved."""
    turns = (recipe.rotation_deg * _between(n) + recipe.affine_deg * _between(n)) * math.pi / 180
    cos, sin = turns.cos(), turns.sin()
    rotation = torch.stack([torch.stack([cos, -sin], 1), torch.stack([sin, cos], 1)], 1)
    slopes, one = (recipe.shear_deg * math.pi / 180 * _between(n, 2)).tan(), torch.ones(n)
    shear = torch.stack([torch.stack([one, slopes[:, 0]], 1), torch.stack([slopes[:, 1], one], 1)], 1)
    signs = torch.where(torch.rand(n, 2) < (0.5 if recipe.flips else 0.0), -1.0, 1.0)
    scale = 1 + recipe.scale * _between(n, 1)
    linear = rotation @ shear @ torch.diag_embed(signs * scale)
    # Coordinates span 2 from edge to edge, so that a share of the side is twice as much of them.
    return torch.cat([linear, (2 * recipe.translate * _between(n, 2))[:, :, None]], dim=2)
