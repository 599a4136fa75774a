"""Occlusion: how far the logit falls when a part of the crop is replaced by background."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from cellapp.classification.ensemble import Head
from cellapp.encoders.dino import HubEncoder
from cellapp.explanation.blanks import background, without_patches
from cellapp.explanation.token_logit import TokenLogit, explain_tokens
from cellapp.types.cells import Explanations

if TYPE_CHECKING:
    import torch

METHOD = "occlusion"
_SIDE = 8
"""Windows along a side of the crop at most: each costs one pass of the encoder."""
MAX_WINDOWS = _SIDE**2


def occlusion(
    encoder: HubEncoder, head: Head, crops: np.ndarray, cell_ids: np.ndarray, target: str, layer: int | None = None
) -> Explanations:
    """Explain crops by occlusion (Zeiler and Fergus 2014, arXiv:1311.2901).

    Windows of equal size, of one patch or more, cover the crop; what the logit loses without a window is shared evenly
    among its patches. Parameters and result are those of `cellapp.explanation.methods.explain`.
    """
    return explain_tokens(encoder, head, crops, cell_ids, target, maps_of=_maps, method=METHOD)


def _maps(logit: TokenLogit, pixels: torch.Tensor, _layer: int | None) -> tuple[torch.Tensor, torch.Tensor]:
    import torch

    grid = logit.encoder.grid
    maps, filling = torch.zeros((len(pixels), *grid), device=pixels.device), background(pixels)
    with torch.no_grad():
        logits = logit(pixels)
        for window in _windows(grid):
            removed = torch.zeros((len(pixels), *grid), dtype=torch.bool, device=pixels.device)
            removed[:, *window] = True
            lost = logits - logit(without_patches(pixels, removed, filling))
            maps[:, *window] = (lost / removed[0].sum())[:, None, None]
    return logits, maps


def _windows(grid: tuple[int, int]) -> Iterator[tuple[slice, slice]]:
    steps = [-(-n // _SIDE) for n in grid]
    for y in range(0, grid[0], steps[0]):
        for x in range(0, grid[1], steps[1]):
            yield slice(y, y + steps[0]), slice(x, x + steps[1])
