"""Losses of self-distillation: DINO on class tokens, iBOT on masked patches, KoLeo on the spread of class tokens."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

_HIDDEN, _BOTTLENECK = 512, 128
_SINKHORN_ROUNDS = 3


class Projection(nn.Module):
    """The head of DINO (Caron et al. 2021), smaller: from a token to its cosine with each prototype.

    Parameters
    ----------
    dim : int
        Of the tokens, D.
    prototypes : int
        K.
    """

    def __init__(self, dim: int, prototypes: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Linear(dim, _HIDDEN), nn.GELU(), nn.Linear(_HIDDEN, _HIDDEN), nn.GELU(), nn.Linear(_HIDDEN, _BOTTLENECK)
        )
        self.prototypes = nn.Linear(_BOTTLENECK, prototypes, bias=False)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Score tokens, (N, D) to (N, K): cosines, -1 to 1."""
        directions = F.normalize(self.prototypes.weight, dim=1)
        return F.normalize(self.mlp(tokens).float(), dim=1) @ directions.T.float()


@torch.no_grad()
def teacher_targets(scores: torch.Tensor, temperature: float) -> torch.Tensor:
    """Assign tokens to prototypes so that all prototypes are used equally (Sinkhorn-Knopp; Caron et al. 2020).

    Parameters
    ----------
    scores : Tensor of shape (N, K)
        Of the teacher.
    temperature : float
        Small values give assignments to few prototypes.

    Returns
    -------
    Tensor of shape (N, K)
        Rows sum to 1; no tokens give no rows.
    """
    if not len(scores):
        return scores
    shares = torch.exp((scores - scores.max()) / temperature)
    for _ in range(_SINKHORN_ROUNDS):
        shares = shares / (shares.sum(dim=0, keepdim=True) + 1e-12)
        shares = shares / (shares.sum(dim=1, keepdim=True) + 1e-12)
    return shares


def distil_views(student: torch.Tensor, teacher: torch.Tensor, n_crops: int, temperature: float) -> torch.Tensor:
    """Return the mean cross entropy of the student's views with the teacher's other views (DINO; Caron et al. 2021).

    Parameters
    ----------
    student : Tensor of shape (V * B, K)
        Scores of V views, global ones first.
    teacher : Tensor of shape (2 * B, K)
        Targets of the two global views.
    n_crops : int
        B.
    temperature : float
        Of the student.
    """
    logs = F.log_softmax(student / temperature, dim=1).unflatten(0, (-1, n_crops))
    targets = teacher.unflatten(0, (2, n_crops))
    losses = [-(targets[t] * logs[s]).sum(dim=1).mean() for t in range(2) for s in range(len(logs)) if s != t]
    return torch.stack(losses).mean()


def distil_patches(student: torch.Tensor, teacher: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return the mean cross entropy of masked patch tokens with the teacher's unmasked ones (iBOT; Zhou et al. 2022).

    Parameters
    ----------
    student, teacher : Tensor of shape (M, K)
        Scores and targets of the masked patches; none give 0.
    temperature : float
        Of the student.
    """
    if not len(student):
        return student.sum()
    return -(teacher * F.log_softmax(student / temperature, dim=1)).sum(dim=1).mean()


def koleo_loss(tokens: torch.Tensor) -> torch.Tensor:
    """Penalise close nearest neighbours (KoLeo; Sablayrolles et al. 2019, in DINOv2: Oquab et al. 2023).

    Parameters
    ----------
    tokens : Tensor of shape (N, D)
        Class tokens of one view of N crops.
    """
    unit = F.normalize(tokens.float(), dim=1)
    nearest = (unit @ unit.T).detach().fill_diagonal_(-1).argmax(dim=1)
    return -torch.log((unit - unit[nearest]).norm(dim=1) + 1e-4).mean()
