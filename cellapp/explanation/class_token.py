"""The exact attribution of patches, and the class token's part of the logit followed back to the patches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cellapp.classification.ensemble import Head
from cellapp.encoders.dino import HubEncoder
from cellapp.explanation.token_logit import TokenLogit, explain_tokens, graph_from, layer_of, to_channels, to_grid
from cellapp.types.cells import Explanations

if TYPE_CHECKING:
    import torch

METHOD = "class-token"
LAYER = 2
"""Before the last block, through whose attention the class token reads the patches once more."""


def with_class_token(
    encoder: HubEncoder, head: Head, crops: np.ndarray, cell_ids: np.ndarray, target: str, layer: int | None = None
) -> Explanations:
    """Explain crops by patches and by what the class token read from them.

    A head gives weight to the class token, which no patch holds: the exact map leaves its part in the rest. Here it is
    followed through the blocks behind `layer` as gradient times activation of the patches there, and added to the exact
    map. What the class token held before that layer stays in the rest.
    Parameters and result are those of `cellapp.explanation.methods.explain`; `LAYER` when no layer is given.
    """
    return explain_tokens(encoder, head, crops, cell_ids, target, maps_of=_maps, method=METHOD, layer=layer)


def _maps(logit: TokenLogit, pixels: torch.Tensor, layer: int | None) -> tuple[torch.Tensor, torch.Tensor]:
    import torch

    encoder = logit.encoder
    with graph_from(layer_of(encoder, LAYER if layer is None else layer)) as outputs:
        tokens = encoder.tokens(pixels)
    of_class_token = logit.class_token_part(tokens)
    (gradients,) = torch.autograd.grad(of_class_token.sum(), outputs[0])
    read = to_grid(to_channels(gradients * outputs[0].detach(), encoder).sum(dim=1), encoder)
    of_patches = logit.patch_part(tokens.detach()).reshape(-1, *encoder.grid)
    return of_class_token + of_patches.sum((1, 2)), of_patches + read
