"""What a flow network is punished for."""

from __future__ import annotations

import torch
from torch.nn import functional as F

FLOW_GAIN = 5.0  # Cellpose's networks predict five times the unit vector
SIZE_WEIGHT = 0.5


def flow_loss(maps: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Cellpose's loss, pixels by their emphasis, and the absolute error of the size where there are cells.

    Parameters
    ----------
    maps : Tensor of shape (N, 4, Y, X)
        Flow y, flow x, logit of the cell probability, binary logarithm of diameter / 30 px.
    targets : Tensor of shape (N, 5, Y, X)
        Unit flow y and x, cell (0 or 1), size, emphasis (0 where nothing counts, outside the image).

    Returns
    -------
    Tensor
        A number.
    """
    cells, emphasis = targets[:, 2], targets[:, 4]
    flows = (maps[:, :2] - FLOW_GAIN * targets[:, :2]).square().mean(dim=1) / 2
    cell = F.binary_cross_entropy_with_logits(maps[:, 2], cells, reduction="none")
    off = (maps[:, 3] - targets[:, 3]).abs() * cells
    missed = ((flows + cell) * emphasis).sum() / emphasis.sum().clamp(min=1)
    return missed + SIZE_WEIGHT * off.sum() / cells.sum().clamp(min=1)
