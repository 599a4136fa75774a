"""Guided backpropagation: gradients that pass only where activation and gradient are positive."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import numpy as np

from cellapp.classification.ensemble import Head
from cellapp.encoders.dino import HubEncoder
from cellapp.errors import ModelError
from cellapp.explanation.blanks import background, sum_over_patches
from cellapp.explanation.token_logit import TokenLogit, explain_tokens
from cellapp.types.cells import Explanations

if TYPE_CHECKING:
    import torch
    from torch import nn

METHOD = "guided-backpropagation"


def guided_backpropagation(
    encoder: HubEncoder, head: Head, crops: np.ndarray, cell_ids: np.ndarray, target: str, layer: int | None = None
) -> Explanations:
    """Explain crops by guided backpropagation (Springenberg and others 2015, arXiv:1412.6806).

    Every ReLU, GELU and SiLU lets a gradient pass only where its input and the gradient are positive, so that the
    gradient is really guided in transformers, too. The gradient is that of the logit of the class against the others;
    a map is gradient times the pixel's difference from the background, summed over planes and patches. Clipping
    gradients loses the scale of the logit: maps show places, and their sum means nothing.
    Parameters and result are those of `cellapp.explanation.methods.explain`.

    Raises
    ------
    ModelError
        When the network has no such activation.
    """
    return explain_tokens(encoder, head, crops, cell_ids, target, maps_of=_maps, method=METHOD)


def _maps(logit: TokenLogit, pixels: torch.Tensor, _layer: int | None) -> tuple[torch.Tensor, torch.Tensor]:
    import torch

    at = pixels.clone().requires_grad_(True)
    with _guided(logit.encoder):
        logits = logit(at)
    (gradient,) = torch.autograd.grad(logits.sum(), at)
    return logits, sum_over_patches((pixels - background(pixels)) * gradient, logit.encoder.grid)


@contextmanager
def _guided(encoder: HubEncoder) -> Iterator[None]:
    """Guide the gradients of what is computed in the context; later computations know nothing of it."""
    gates = [part for part in encoder.network.modules() if _is_gate(part)]
    if not gates:
        raise ModelError(f"{encoder.name} has no ReLU, GELU or SiLU to guide gradients by; choose another method")
    with ExitStack() as stack:
        for gate in gates:
            stack.callback(gate.register_forward_hook(_guide).remove)
        yield


def _is_gate(module: nn.Module) -> bool:
    name = type(module).__name__.lower()
    return not list(module.children()) and any(kind in name for kind in ("relu", "gelu", "silu", "swish"))


def _guide(_module: nn.Module, _inputs: object, output: torch.Tensor) -> torch.Tensor:
    """Give a copy of the output whose gradient passes where both are positive."""
    guided = output.clone()  # a layer that works in place must not meet the tensor that the gate keeps
    if guided.requires_grad:
        positive = guided.detach() > 0  # these activations are positive exactly where their input is
        guided.register_hook(lambda gradient: gradient.clamp(min=0) * positive)
    return guided
