"""Gated-attention multiple-instance learning over patches and time."""

from __future__ import annotations

import torch
from torch import nn

POOLINGS = ("attention", "mean", "max")
_HIDDEN, _ATTENTION, _DROPOUT = 64, 32, 0.25


class LineNetwork(nn.Module):
    """From the vectors of all patches of a sequence to its line.

    All patches of all times are one bag; each gets a weight by gated attention (Ilse et al. 2018, arXiv:1802.04712),
    and weights of a bag sum to 1. With "mean" and "max" pooling all weigh the same: these are what attention is held
    against.

    Parameters
    ----------
    features : int
        Numbers of a patch.
    classes : int
    pooling : {"attention", "mean", "max"}
    """

    def __init__(self, features: int, classes: int, pooling: str = "attention") -> None:
        super().__init__()
        self.pooling = pooling
        self.instance = nn.Sequential(nn.Linear(features, _HIDDEN), nn.ReLU(), nn.Dropout(_DROPOUT))
        self.value, self.gate = nn.Linear(_HIDDEN, _ATTENTION), nn.Linear(_HIDDEN, _ATTENTION)
        self.score = nn.Linear(_ATTENTION, 1)
        self.head = nn.Linear(_HIDDEN, classes)

    def forward(self, vectors: torch.Tensor, there: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return logits, (B, classes), and weights, (B, N).

        Parameters
        ----------
        vectors : Tensor of shape (B, N, features)
            Bags, filled up to the same number of instances.
        there : Tensor of shape (B, N), bool
            Which instances are no filling.
        """
        hidden = self.instance(vectors)
        if self.pooling == "max":
            pooled = hidden.masked_fill(~there[..., None], -torch.inf).amax(dim=1)
            return self.head(pooled), there / there.sum(dim=1, keepdim=True)
        scores = torch.zeros(vectors.shape[:2])
        if self.pooling == "attention":
            scores = self.score(torch.tanh(self.value(hidden)) * torch.sigmoid(self.gate(hidden)))[..., 0]
        weights = torch.softmax(scores.masked_fill(~there, -torch.inf), dim=1)
        return self.head((weights[..., None] * hidden).sum(dim=1)), weights
