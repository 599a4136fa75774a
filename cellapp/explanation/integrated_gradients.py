"""Integrated gradients: what each pixel adds on the way from an even crop to the crop itself, summed over patches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cellapp.classification.ensemble import Head
from cellapp.encoders.dino import HubEncoder
from cellapp.explanation.blanks import background, sum_over_patches
from cellapp.explanation.token_logit import TokenLogit, explain_tokens
from cellapp.types.cells import Explanations

if TYPE_CHECKING:
    import torch

METHOD = "integrated-gradients"
STEPS = 24
"""Points on the way, in the middle of intervals of equal length."""


def integrated_gradients(
    encoder: HubEncoder, head: Head, crops: np.ndarray, cell_ids: np.ndarray, target: str, layer: int | None = None
) -> Explanations:
    """Explain crops by integrated gradients (Sundararajan and others 2017, arXiv:1703.01365).

    The way starts at `cellapp.explanation.blanks.background`; a map sums to the logit less that of the background,
    as closely as the integral is known. Parameters and result are those of `cellapp.explanation.methods.explain`.
    """
    return explain_tokens(encoder, head, crops, cell_ids, target, maps_of=_maps, method=METHOD)


def _maps(logit: TokenLogit, pixels: torch.Tensor, _layer: int | None) -> tuple[torch.Tensor, torch.Tensor]:
    import torch

    start, total = background(pixels), torch.zeros_like(pixels)
    for step in range(STEPS):
        at = (start + (step + 0.5) / STEPS * (pixels - start)).requires_grad_(True)
        total += torch.autograd.grad(logit(at).sum(), at)[0] / STEPS
    with torch.no_grad():
        return logit(pixels), sum_over_patches((pixels - start) * total, logit.encoder.grid)
