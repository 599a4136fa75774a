"""Attention rollout: from which patches the class token has its information, by the attention of all blocks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from cellapp.classification.ensemble import Head
from cellapp.encoders.dino import HubEncoder
from cellapp.errors import ModelError
from cellapp.explanation.token_logit import TokenLogit, explain_tokens
from cellapp.types.cells import Explanations

if TYPE_CHECKING:
    import torch
    from torch import nn

METHOD = "rollout"


def rollout(
    encoder: HubEncoder, head: Head, crops: np.ndarray, cell_ids: np.ndarray, target: str, layer: int | None = None
) -> Explanations:
    """Explain crops by attention rollout (Abnar and Zuidema 2020, arXiv:2005.00928).

    Each block's attention, mean of its heads, is averaged with the identity for the residual, and the blocks are
    multiplied; the row of the class token says which share each patch has in it. Attention knows no class: the map is
    these shares times what the class token gives to the logit, so that it sums to that part, and all its values have
    the same sign. Parameters and result are those of `cellapp.explanation.methods.explain`.

    Raises
    ------
    ModelError
        When the encoder has no attention that can be read.
    """
    return explain_tokens(encoder, head, crops, cell_ids, target, maps_of=_maps, method=METHOD)


def _maps(logit: TokenLogit, pixels: torch.Tensor, _layer: int | None) -> tuple[torch.Tensor, torch.Tensor]:
    import torch

    encoder = logit.encoder
    with torch.no_grad(), _attention(encoder) as attentions:
        tokens = encoder.tokens(pixels)
        seen = rolled_out(attentions)[:, 0, encoder.n_prefix :]
        shares = (seen / seen.sum(dim=1, keepdim=True)).reshape(-1, *encoder.grid)
        of_class_token = logit.class_token_part(tokens)
        return of_class_token + logit.patch_part(tokens).sum(dim=1), shares * of_class_token[:, None, None]


def rolled_out(attentions: list[torch.Tensor]) -> torch.Tensor:
    """Multiply attention, (N, heads, T, T) for each block in order, to (N, T, T); each row sums to 1."""
    import torch

    total = torch.eye(attentions[0].shape[-1], device=attentions[0].device)
    for attention in attentions:
        total = (attention.mean(dim=1) + torch.eye(attention.shape[-1], device=attention.device)) / 2 @ total
    return total


@contextmanager
def _attention(encoder: HubEncoder) -> Iterator[list[torch.Tensor]]:
    """Collect the attention of each block in order, (N, heads, T, T), as long as the context lasts."""
    network, attentions = encoder.network, []
    if not hasattr(network, "set_attn_implementation"):
        raise ModelError(f"{encoder.name} has no attention that can be read; choose another method than rollout")

    def collect(_module: nn.Module, _inputs: object, output: object) -> None:
        weights = output[1] if isinstance(output, tuple) and len(output) > 1 else None
        new = not attentions or weights is not attentions[-1]  # a module around another passes the same on
        if new and getattr(weights, "ndim", 0) == 4 and weights.shape[-1] == weights.shape[-2]:
            attentions.append(weights)

    before = network.config._attn_implementation
    network.set_attn_implementation("eager")  # the others never hold the matrix
    hooks = [part.register_forward_hook(collect) for part in network.modules()]
    try:
        yield attentions
    finally:
        network.set_attn_implementation(before)
        for hook in hooks:
            hook.remove()
