"""The logit of a class as a differentiable function of pixels, and what methods that need one have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from cellapp.cells.input_features import measure_input
from cellapp.classification.ensemble import Head
from cellapp.encoders.channelwise import Channelwise
from cellapp.encoders.dino import HubEncoder
from cellapp.encoders.views import view, view_back
from cellapp.errors import InputError, ModelError
from cellapp.types.cells import Explanations

if TYPE_CHECKING:
    import torch
    from torch import nn

_FIRST_NORMS = ("norm1", "layernorm_before")
_BATCH = 16  # crops whose activations and gradients are in memory at once


class TokenLogit:
    """What class token and patches give to the logit of a class, without bias and measurements.

    Parameters
    ----------
    encoder : HubEncoder
    weight : ndarray of shape (2 D,)
        Part of `LinearHead.contrast` that reads the class token and the mean patch token.
    """

    def __init__(self, encoder: HubEncoder, weight: np.ndarray) -> None:
        import torch

        self.encoder = encoder
        self.of_class_token, self.of_patches = torch.tensor(weight, dtype=torch.float32, device=encoder.device).chunk(2)

    def __call__(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return logits, (N,), of crops (N, 3, S, S), differentiable."""
        tokens = self.encoder.tokens(pixels)
        return self.class_token_part(tokens) + tokens[:, self.encoder.n_prefix :].mean(dim=1) @ self.of_patches

    def class_token_part(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return what the class token gives, (N,), of tokens after the final norm."""
        return tokens[:, 0] @ self.of_class_token

    def patch_part(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return what each patch gives, (N, P); they sum to the logit less the class token's part."""
        patches = tokens[:, self.encoder.n_prefix :]
        return patches @ self.of_patches / patches.shape[1]


MapBatch = Callable[[TokenLogit, "torch.Tensor", int | None], "tuple[torch.Tensor, torch.Tensor]"]
"""From logit, pixels (n, 3, S, S) and layer to logits (n,) and signed maps (n, h, w)."""


def explain_tokens(
    encoder: HubEncoder | Channelwise,
    head: Head,
    crops: np.ndarray,
    cell_ids: np.ndarray,
    target: str,
    *,
    maps_of: MapBatch,
    method: str,
    layer: int | None = None,
) -> Explanations:
    """Explain crops in batches by a method that runs the network; see `cellapp.explanation.methods.explain`.

    The encoder is held as long as it takes: what a method changes on a network while it works, nobody else sees.
    A head that averages views has the mean of their maps, each turned back; one that reads each channel by itself has
    the sum of the maps of its channels, as its logit is the sum of what they give. Computed in float32.

    Parameters
    ----------
    encoder : HubEncoder or Channelwise
    head : Head
    crops : ndarray of shape (N, C, S, S), float32
    cell_ids : ndarray of shape (N,)
    target : str
        Class to explain.
    maps_of : callable
        See `MapBatch`.
    method : str
        Name that the result bears.
    layer : int, optional
        As of `cellapp.explanation.methods.explain`.

    Raises
    ------
    InputError
        When the crops do not fit the encoder.
    ModelError
        When the head does not know the class, or was trained on another number of channels.
    """
    weight, bias = head.contrast(target)
    of_tokens, of_measured = np.split(weight, [2 * head.dim])
    network = encoder.encoder if isinstance(encoder, Channelwise) else encoder
    logits, maps = np.zeros(len(crops), np.float32), np.zeros((len(crops), *network.grid), np.float32)
    with network.lock:
        for channel, of_channel in _by_channel(network, head, crops, cell_ids, of_tokens):
            logit = TokenLogit(network, of_channel)
            for rows in (slice(start, start + _BATCH) for start in range(0, len(crops), _BATCH)):
                given = _mean_of_views(logit, maps_of, crops[rows, channel], head.reads.views, layer)
                logits[rows] += given[0]
                maps[rows] += given[1]
    logits += np.float32(bias)
    measured = measure_input(crops, head.reads)
    if measured is not None and len(crops):
        logits += (measured @ of_measured).astype(np.float32)
    return Explanations(maps, logits - maps.sum(axis=(1, 2)), logits, cell_ids, target, method)


def _by_channel(
    network: HubEncoder, head: Head, crops: np.ndarray, cell_ids: np.ndarray, of_tokens: np.ndarray
) -> list[tuple[slice | list[int], np.ndarray]]:
    """Return which planes the network reads, and the weights, (2 D,), of what it then gives: once, or per channel."""
    if head.reads.channels_as != "each":
        network.require_input(crops, cell_ids)
        return [(slice(None), of_tokens)]
    n_channels = crops.shape[1]
    if head.dim != n_channels * network.dim:
        trained = head.dim // network.dim
        raise ModelError(f"head {head.name!r} reads {trained} channels, each by itself; these crops have {n_channels}")
    network.require_input(crops[:, :1].repeat(3, axis=1), cell_ids)
    return [([k, k, k], of_tokens.reshape(2, n_channels, -1)[:, k].ravel()) for k in range(n_channels)]


def _mean_of_views(
    logit: TokenLogit, maps_of: MapBatch, crops: np.ndarray, n_views: int, layer: int | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return logits, (n,), and maps, (n, h, w), of a batch, each the mean of those of the views."""
    given = [_one_view(logit, maps_of, view(crops, number), layer) for number in range(n_views)]
    logits = sum(of_view for of_view, _ in given) / n_views
    return logits, sum(view_back(maps, number) for number, (_, maps) in enumerate(given)) / n_views


def _one_view(
    logit: TokenLogit, maps_of: MapBatch, crops: np.ndarray, layer: int | None
) -> tuple[np.ndarray, np.ndarray]:
    import torch

    pixels = torch.from_numpy(np.ascontiguousarray(crops, dtype=np.float32)).to(logit.encoder.device)
    with torch.enable_grad():
        logits, maps = maps_of(logit, pixels, layer)
    return logits.detach().cpu().numpy(), maps.detach().float().cpu().numpy()


@contextmanager
def graph_from(module: nn.Module) -> Iterator[list[torch.Tensor]]:
    """Start the graph at the output of a module as long as the context lasts; the list receives that output.

    Weights are frozen, so that no earlier layer keeps what a backward pass would need.
    """
    outputs: list[torch.Tensor] = []

    def start(_module: nn.Module, _inputs: object, output: torch.Tensor) -> torch.Tensor:
        outputs.append(output.detach().requires_grad_(True))
        return outputs[-1]

    hook = module.register_forward_hook(start)
    try:
        yield outputs
    finally:
        hook.remove()


def layer_of(encoder: HubEncoder, layer: int) -> nn.Module:
    """Return the module whose output a method reads: 0 the final norm, 1 the last block's first norm, and so on.

    Of a block without norms it is the output. That of a transformer's block would not do: the norm that follows
    ignores its length, so that gradient times activation is zero. pytorch-grad-cam advises the same.

    Raises
    ------
    InputError
        When the encoder has fewer blocks.
    """
    if layer == 0:
        return encoder.norm
    parts = encoder.tail(layer)
    if layer > 1 and len(parts) == len(encoder.tail(layer - 1)):
        raise InputError(f"layer {layer} is before the first block of {encoder.name}; take a smaller number")
    names = dict(parts[0].named_modules())
    return next((names[name] for name in _FIRST_NORMS if name in names), parts[0])


def to_channels(values: torch.Tensor, encoder: HubEncoder) -> torch.Tensor:
    """Arrange what a layer gives as (N, D, h, w): tokens without those before the patches, or a map of features."""
    if values.ndim == 4:
        return values
    patches = values[:, -encoder.grid[0] * encoder.grid[1] :]
    return patches.transpose(1, 2).reshape(len(values), -1, *encoder.grid)


def to_grid(maps: torch.Tensor, encoder: HubEncoder) -> torch.Tensor:
    """Bring maps, (N, h, w), of any layer onto the token grid; where its sides divide theirs, sums stay."""
    from torch.nn.functional import adaptive_avg_pool2d

    if tuple(maps.shape[1:]) == tuple(encoder.grid):
        return maps
    return adaptive_avg_pool2d(maps[:, None], encoder.grid)[:, 0] * (
        maps[0].numel() / (encoder.grid[0] * encoder.grid[1])
    )
