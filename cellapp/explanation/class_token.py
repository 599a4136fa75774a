"""The exact attribution of patches, and the class token's part of the logit followed back to the patches it read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cellapp.classification.ensemble import Head
from cellapp.encoders.dino import HubEncoder
from cellapp.errors import ModelError
from cellapp.explanation.token_logit import TokenLogit, explain_tokens, graph_from
from cellapp.types.cells import Explanations

if TYPE_CHECKING:
    import torch
    from torch import nn

METHOD = "class-token"
_VALUES, _FUSED = ("v_proj", "value"), "qkv"


def with_class_token(
    encoder: HubEncoder, head: Head, crops: np.ndarray, cell_ids: np.ndarray, target: str, layer: int | None = None
) -> Explanations:
    """Explain crops by patches and by what the class token read from them in the last block.

    A head gives weight to the class token, which no patch holds: the exact map leaves its part in the rest. What the
    class token takes from a patch in the attention of the last block is that patch's value, weighted by attention; its
    product with the gradient of the class token's part is added to the exact map. What the class token held before
    stays in the rest. Gradient times activation of a block's input would not do: the norm that reads it ignores
    its length, so that the product is zero.
    Parameters and result are those of `cellapp.explanation.methods.explain`.

    Raises
    ------
    ModelError
        When the last block has no attention.
    """
    return explain_tokens(encoder, head, crops, cell_ids, target, maps_of=_maps, method=METHOD)


def _maps(logit: TokenLogit, pixels: torch.Tensor, _layer: int | None) -> tuple[torch.Tensor, torch.Tensor]:
    import torch

    encoder = logit.encoder
    with graph_from(_values(encoder)) as outputs:
        tokens = encoder.tokens(pixels)
    of_class_token = logit.class_token_part(tokens)
    (gradients,) = torch.autograd.grad(of_class_token.sum(), outputs[0])
    given = (gradients * outputs[0].detach())[..., -encoder.dim :]  # of queries, keys and values in one the last
    read = given.sum(dim=2)[:, encoder.n_prefix :].reshape(-1, *encoder.grid)
    of_patches = logit.patch_part(tokens.detach()).reshape(-1, *encoder.grid)
    return of_class_token + of_patches.sum((1, 2)), of_patches + read


def _values(encoder: HubEncoder) -> nn.Module:
    """Return the module of the last block that makes the values of its attention, alone or with queries and keys."""
    for name, part in encoder.tail(1)[0].named_modules():
        if name.rpartition(".")[2] in (*_VALUES, _FUSED):
            return part
    raise ModelError(f"{encoder.name} has no attention in its last block; choose another method than class-token")
