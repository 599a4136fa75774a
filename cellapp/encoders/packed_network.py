"""A vision transformer of DINOv2 as a processor computes it fastest: weights converted and laid out once for oneDNN.

`cellapp.encoders.dinov2_network.Dinov2Network` stays what is trained, written and differentiated; this is what `embed`
runs. Autocast would convert every weight at every batch, and torch's own products would lay it out anew.
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from cellapp.encoders.dinov2_network import Dinov2Network

_X86 = ("x86_64", "amd64")
_OPERATORS = ("_linear_pointwise", "_reorder_linear_weight", "_is_mkldnn_bf16_supported")
_SAFE = (1e-30, 1e30)  # sums of weights between which neither they nor their products leave the range of float32
_N_SUMS = 16  # parts that weights are summed in
_LONG = 128  # tokens from which on it pays to do without softmax
_Key = tuple[tuple[int, int], ...]
_Planes = tuple[tuple[float, ...], tuple[float, ...]]


def is_packable(device: str, dtype: str) -> bool:
    """Return whether torch offers oneDNN's products with packed weights for this device and number format."""
    known = all(hasattr(torch.ops.mkldnn, name) for name in _OPERATORS)  # private ones: a later torch may drop them
    offered = known and torch.backends.mkldnn.is_available() and platform.machine().lower() in _X86
    if device != "cpu" or not offered:
        return False
    return dtype == "float32" or torch.ops.mkldnn._is_mkldnn_bf16_supported()


class Packing:
    """The packed copy of a network, made when it is first asked for and again after weights have changed.

    Parameters
    ----------
    dtype : {"float32", "bfloat16"}
        Of products and their operands. Tokens between blocks, norms and sums stay float32.
    standard : tuple of two tuples of float
        Mean and standard deviation of each plane, by which pixels are standardised before they reach the network.
    """

    def __init__(self, dtype: str, standard: _Planes) -> None:
        self._dtype: torch.dtype = getattr(torch, dtype)
        self._standard = standard
        self._network: Dinov2Network | None = None
        self._parts: list[nn.Module] = []
        self._key: _Key = ()
        self._packed: PackedNetwork | None = None

    def of(self, network: Dinov2Network) -> PackedNetwork | None:
        """Return the packed copy of a network; None where it has hooks. Not for several threads at once."""
        if network is not self._network:
            self._network, self._parts, self._packed = network, [*network.modules()], None  # to walk them takes 1 ms
        if any(part._forward_hooks or part._forward_pre_hooks for part in self._parts):
            return None  # they are to see every pass of the network itself
        tensors = (tensor for part in self._parts for tensor in part._parameters.values() if tensor is not None)
        key = tuple((tensor.data_ptr(), tensor._version) for tensor in tensors)
        if self._packed is None or key != self._key:
            self._packed, self._key = PackedNetwork(network, self._dtype, self._standard), key
        return self._packed


class PackedNetwork:
    """Computes what a `Dinov2Network` computes of standardised pixels with the weights it has now, without gradients.

    Parameters
    ----------
    network : Dinov2Network
    dtype : torch.dtype
    standard : tuple of two tuples of float
        See `Packing`.
    """

    def __init__(self, network: Dinov2Network, dtype: torch.dtype, standard: _Planes) -> None:
        with torch.inference_mode():
            self._embeddings, self._norm, self._dtype = network.embeddings, network.layernorm, dtype
            projection = network.embeddings.patch_embeddings.projection
            self._mean, deviation = (torch.tensor(values).view(3, 1, 1) for values in standard)
            self._patches = _linear((projection.weight / deviation).flatten(1), projection.bias, dtype)
            self._blocks = [_Block.of(layer, network.config.num_heads, dtype) for layer in network.encoder.layer]
        self._starts: dict[tuple[int, int], torch.Tensor] = {}

    def __call__(self, pixels: torch.Tensor) -> torch.Tensor:
        """Compute tokens after the final norm.

        Parameters
        ----------
        pixels : Tensor of shape (N, 3, Y, X), float32
            0 to 1; sides that are multiples of the patch.

        Returns
        -------
        Tensor of shape (N, 1 + registers + P, D), float32
        """
        n, planes, height, width = pixels.shape
        side = self._embeddings.patch_px
        rows, columns = height // side, width // side
        split = pixels.view(n, planes, rows, side, columns, side).permute(0, 2, 4, 1, 3, 5)
        patches = torch.sub(split, self._mean, out=torch.empty(split.shape, dtype=self._dtype))
        tokens = self._start((rows, columns)).repeat(n, 1, 1)
        tokens[:, -rows * columns :].add_(self._patches(patches.view(n, rows * columns, -1)))
        for block in self._blocks:
            block.add_to(tokens)
        return self._norm(tokens)

    def _start(self, grid: tuple[int, int]) -> torch.Tensor:
        """Return the tokens of a grid before its patches are added: prefix, places and zeros, (1, T, D)."""
        if grid not in self._starts:
            learnt = self._embeddings
            nothing = learnt.position_embeddings.new_zeros(1, grid[0] * grid[1], learnt.position_embeddings.shape[2])
            self._starts[grid] = learnt.with_prefix(nothing, grid)
        return self._starts[grid]


@dataclass(frozen=True, eq=False)
class _Block:
    """One block of the transformer; adds to its tokens in place."""

    norms: tuple[nn.LayerNorm, nn.LayerNorm]
    projections: Callable[[torch.Tensor], torch.Tensor]  # queries, keys and values in one product
    output: Callable[[torch.Tensor], torch.Tensor]
    widen: Callable[[torch.Tensor], torch.Tensor]
    narrow: Callable[[torch.Tensor], torch.Tensor]
    n_heads: int
    dtype: torch.dtype

    @classmethod
    def of(cls, layer: nn.Module, n_heads: int, dtype: torch.dtype) -> _Block:
        """Pack a block; scales are multiplied into the weights before those are rounded."""
        mixing, mlp = layer.attention.attention, layer.mlp
        parts, shrink = (mixing.query, mixing.key, mixing.value), (mixing.query.weight.shape[0] // n_heads) ** -0.5
        weight = torch.cat([part.weight * factor for part, factor in zip(parts, (shrink, 1, 1), strict=True)])
        bias = torch.cat([part.bias * factor for part, factor in zip(parts, (shrink, 1, 1), strict=True)])
        ends = ((layer.attention.output.dense, layer.layer_scale1), (mlp.fc2, layer.layer_scale2))
        output, narrow = (
            _linear(part.weight * scale.lambda1[:, None], part.bias * scale.lambda1, dtype) for part, scale in ends
        )
        widen = _linear(mlp.fc1.weight, mlp.fc1.bias, dtype, "gelu")
        norms, projections = (layer.norm1, layer.norm2), _linear(weight, bias, dtype)
        return cls(norms, projections, output, widen, narrow, n_heads=n_heads, dtype=dtype)

    def add_to(self, tokens: torch.Tensor) -> None:
        """Add what the block computes of tokens, (N, T, D) float32, to them."""
        first, second = self.norms
        tokens.add_(self.output(self._mix(self.projections(first(tokens).to(self.dtype)))))
        tokens.add_(self.narrow(self.widen(second(tokens).to(self.dtype))))

    def _mix(self, projected: torch.Tensor) -> torch.Tensor:
        """Average values by attention: from (N, T, 3 D) to (N, T, D)."""
        n, length, width = projected.shape[0], projected.shape[1], projected.shape[2] // 3
        query, key, value = projected.view(n, length, 3, self.n_heads, -1).permute(2, 0, 3, 1, 4)
        mixed = projected.new_empty(n, length, self.n_heads, width // self.n_heads)
        if length < _LONG or not _average(query, key, value, out=mixed.transpose(1, 2)):
            query, key, value = (part.reshape(n * self.n_heads, length, -1) for part in (query, key, value))
            exact = torch.bmm(torch.bmm(query, key.transpose(1, 2)).softmax(dim=-1), value)
            mixed.transpose(1, 2).copy_(exact.unflatten(0, (n, self.n_heads)))
        return mixed.view(n, length, width)


def _average(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *, out: torch.Tensor) -> bool:
    """Average values, (N, heads, T, d), by attention; False where its exponentials leave the range of numbers.

    One product gives both weighted values and sums of weights, for which softmax needs passes over all weights. Each
    sum is of every 16th token: a single one would be rounded to the eight bits of a bfloat16.
    """
    heads, length = value.shape[:2], value.shape[2]
    counted = torch.cat([value, _sixteenths(length, value.dtype).expand(*heads, -1, -1)], dim=-1)
    query, key, counted = (part.reshape(heads.numel(), length, -1) for part in (query, key, counted))
    totals = torch.bmm(torch.bmm(query, key.transpose(1, 2)).exp_(), counted).unflatten(0, heads)
    sums = totals[..., -_N_SUMS:].sum(dim=-1, keepdim=True, dtype=torch.float32)
    least, most = sums.aminmax()
    if not _SAFE[0] < least <= most < _SAFE[1]:
        return False
    torch.div(totals[..., :-_N_SUMS], sums, out=out)
    return True


@lru_cache(maxsize=16)
def _sixteenths(length: int, dtype: torch.dtype) -> torch.Tensor:
    """Return columns whose product with weights sums those of every 16th token, (T, 16); not to be written to."""
    return torch.eye(_N_SUMS, dtype=dtype).repeat(-(-length // _N_SUMS), 1)[:length]


def _linear(
    weight: torch.Tensor, bias: torch.Tensor, dtype: torch.dtype, then: str = "none"
) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return x W' + b with W laid out for oneDNN, followed by "gelu" or nothing before it is rounded."""
    packed = torch.ops.mkldnn._reorder_linear_weight(weight.to(dtype).contiguous())
    offset = bias.to(dtype)
    product = torch.ops.mkldnn._linear_pointwise
    return lambda x: product(x, packed, offset, then, [], "none")
