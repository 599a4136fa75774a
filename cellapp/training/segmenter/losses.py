"""What training minimises: Cellpose's loss for flows, cross-entropy and Dice for the foreground, both with the size."""

from __future__ import annotations

import torch
from torch.nn import functional as F

FLOW_GAIN = 5.0  # Cellpose's networks predict five times the unit vector
SIZE_WEIGHT = 0.5
SMOOTH_PX = 1.0  # keeps the Dice loss of a crop without cells defined, as usual in its implementations


def flow_loss(maps: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return Cellpose's loss, weighted by pixel, plus the absolute error of the size where there are cells.

    Parameters
    ----------
    maps : Tensor of shape (N, 4, Y, X)
        Flow y, flow x, logit of the cell probability, binary logarithm of diameter / 30 px.
    targets : Tensor of shape (N, 5, Y, X)
        Unit flow y and x, cell (0 or 1), size, weight (0 outside the image).

    Returns
    -------
    Tensor
        Zero-dimensional.
    """
    flows = (maps[:, :2] - FLOW_GAIN * targets[:, :2]).square().mean(dim=1) / 2
    return _weighted_mean(flows, targets) + _cross_entropy(maps, targets) + SIZE_WEIGHT * _size_error(maps, targets)


def foreground_loss(maps: torch.Tensor, targets: torch.Tensor, dice_weight: float) -> torch.Tensor:
    """Return cross-entropy of the foreground, weighted by pixel, plus its Dice loss, plus the error of the size.

    Parameters
    ----------
    maps, targets : Tensor
        See `flow_loss`; flows do not count.
    dice_weight : float
        Of the Dice loss.

    Returns
    -------
    Tensor
        Zero-dimensional.
    """
    dice = dice_weight * dice_loss(maps[:, 2], targets[:, 2], targets[:, 4] > 0)
    return _cross_entropy(maps, targets) + dice + SIZE_WEIGHT * _size_error(maps, targets)


def dice_loss(logits: torch.Tensor, cells: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """Return one minus the soft Dice coefficient of each image, its mean over images (Milletari et al. 2016).

    Parameters
    ----------
    logits : Tensor of shape (N, Y, X)
    cells : Tensor of shape (N, Y, X)
        0 or 1.
    valid : Tensor of shape (N, Y, X), bool
        Pixels that count.
    """
    probability, cells = logits.sigmoid() * valid, cells * valid
    both, total = (probability * cells).sum(dim=(1, 2)), (probability + cells).sum(dim=(1, 2))
    return (1 - (2 * both + SMOOTH_PX) / (total + SMOOTH_PX)).mean()


def _cross_entropy(maps: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return _weighted_mean(F.binary_cross_entropy_with_logits(maps[:, 2], targets[:, 2], reduction="none"), targets)


def _size_error(maps: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    cells = targets[:, 2]
    return ((maps[:, 3] - targets[:, 3]).abs() * cells).sum() / cells.sum().clamp(min=1)


def _weighted_mean(errors: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    weights = targets[:, 4]
    return (errors * weights).sum() / weights.sum().clamp(min=1)
