"""A compact network that predicts Cellpose's maps: a U-Net of residual or of separable blocks.

It has the interface of the networks inside `cellpose.models.CellposeModel`, so that Cellpose's tiling and dynamics run
on it, and it predicts one more map, the diameter of the cells, because Cellpose 4 has no size model. With the head
"foreground" it predicts the logit of the foreground and the diameter alone, and the flows are zeros.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

REFERENCE_PX = 30.0
"""Cell diameter at which the network works best; Cellpose rescales images to it."""
N_INPUTS = 2  # planes: whole cells, and nuclei or zeros
STYLE = 256  # Cellpose copies the second output into an array of this width
N_MAPS = 4  # flow y, flow x, cell probability, size
_FIRST_MAP = {"flows": 0, "foreground": 2}  # of those, by the head


@dataclass(frozen=True)
class NetworkSettings:
    """The shape of the network; saved beside the weights."""

    block: Literal["residual", "separable"] = "residual"
    """Two 3 x 3 convolutions, or a 7 x 7 depthwise one with two pointwise ones (Liu et al. 2022, ConvNeXt)."""
    widths: tuple[int, ...] = (32, 64, 128, 224)
    """Features of each level, finest first."""
    blocks: int = 2
    """Blocks of each level on the way down; there is one on the way up."""
    stride: int = 2
    """Pixels per position of the finest level: 2 spends a quarter of the work of 1."""
    style: bool = False
    """Add the image's mean deep features to each level on the way up (Stringer et al. 2021)."""
    head: Literal["flows", "foreground"] = "flows"
    """Maps of the last layer: flows, cell probability and size; or foreground and size alone."""


class FlowNetwork(nn.Module):
    """Flow y, flow x and cell probability of each pixel, and the size of the cells there."""

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__()
        self.settings = settings
        widths, stride = settings.widths, settings.stride
        block = _BLOCKS[settings.block]
        self.stem = _convolution(N_INPUTS, widths[0], 3 if stride == 1 else 2 * stride, stride)
        self.down = nn.ModuleList(nn.Sequential(*(block(width) for _ in range(settings.blocks))) for width in widths)
        self.shrink = nn.ModuleList(_convolution(fine, coarse, 2, 2) for fine, coarse in itertools.pairwise(widths))
        self.widen = nn.ModuleList(nn.Conv2d(coarse, fine, 1) for fine, coarse in itertools.pairwise(widths))
        self.style = nn.ModuleList(nn.Linear(widths[-1], width) for width in widths[:-1] if settings.style)
        self.up = nn.ModuleList(block(width) for width in widths[:-1])
        n_maps = N_MAPS - _FIRST_MAP[settings.head]
        self.head = nn.Conv2d(widths[0], n_maps * stride * stride, 3, padding=1)

    @property
    def device(self) -> torch.device:
        """Where the weights are; Cellpose sends tiles there."""
        return self.head.weight.device

    @property
    def dtype(self) -> torch.dtype:
        """Format of the weights; Cellpose converts tiles to it."""
        return self.head.weight.dtype

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Predict Cellpose's maps.

        Parameters
        ----------
        pixels : Tensor of shape (N, C, Y, X)
            One or two planes, 0 to 1, of `cellapp.segmentation.input_planes`; further planes are ignored.

        Returns
        -------
        maps : Tensor of shape (N, 3, Y, X)
            Flow y and x, five times the unit vectors towards the cell's centre; logit of the cell probability.
        style : Tensor of shape (N, 256)
            Zeros; Cellpose wants it and uses it no more.
        """
        return self.predict(pixels)[:, :3], pixels.new_zeros(len(pixels), STYLE)

    def predict(self, pixels: torch.Tensor) -> torch.Tensor:
        """Predict all four maps, (N, 4, Y, X): Cellpose's three and the binary logarithm of diameter / 30 px.

        Flows that the head does not predict are zeros.
        """
        height, width = pixels.shape[-2:]
        skips = []
        features = self.stem(_standard_planes(pixels, self.settings.stride * 2 ** len(self.shrink)))
        for level, blocks in enumerate(self.down):
            features = blocks(self.shrink[level - 1](features) if level else features)
            skips.append(features)
        style = features.mean(dim=(2, 3))
        for level in reversed(range(len(self.up))):
            features = F.interpolate(self.widen[level](features), scale_factor=2.0, mode="nearest") + skips[level]
            if self.style:
                features = features + self.style[level](style)[:, :, None, None]
            features = self.up[level](features)
        maps = F.pixel_shuffle(self.head(features), self.settings.stride)[..., :height, :width]
        absent = _FIRST_MAP[self.settings.head]
        return F.pad(maps, (0, 0, 0, 0, absent, 0)) if absent else maps

    def with_head(self, head: Literal["flows", "foreground"]) -> FlowNetwork:
        """Return a network with these weights and another head, whose maps are these where this one has them."""
        other = FlowNetwork(replace(self.settings, head=head))
        state, per_map = self.state_dict(), self.settings.stride**2
        for name in ("head.weight", "head.bias"):
            rows = other.state_dict()[name].clone()
            n_shared = min(len(rows), len(state[name])) // per_map * per_map
            rows[-n_shared:] = state[name][-n_shared:]
            state[name] = rows
        other.load_state_dict(state)
        return other

    def fold(self) -> FlowNetwork:
        """Merge normalisations into the convolutions before them, in place; for inference only."""
        for module in list(self.modules()):
            if isinstance(module, _ConvNorm) and isinstance(module.norm, nn.BatchNorm2d):
                module.conv, module.norm = fuse_conv_bn_eval(module.conv.eval(), module.norm.eval()), nn.Identity()
        return self.eval()


class _ConvNorm(nn.Module):
    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.conv, self.norm = conv, nn.BatchNorm2d(conv.out_channels)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.norm(self.conv(features))


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = _convolution(width, width, 3), _convolution(width, width, 3)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return F.relu(features + self.second(F.relu(self.first(features))))


class _Separable(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.space = _convolution(width, width, 7, groups=width)
        self.wide, self.narrow = nn.Conv2d(width, 3 * width, 1), nn.Conv2d(3 * width, width, 1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return features + self.narrow(F.relu(self.wide(self.space(features))))


_BLOCKS = {"residual": _Residual, "separable": _Separable}


def _convolution(n_in: int, n_out: int, side: int, stride: int = 1, groups: int = 1) -> _ConvNorm:
    conv = nn.Conv2d(n_in, n_out, side, stride, (side - stride + 1) // 2, groups=groups, bias=False)
    return _ConvNorm(conv)


def _standard_planes(pixels: torch.Tensor, multiple: int) -> torch.Tensor:
    """Two planes, sides padded with zeros to a multiple."""
    pixels = pixels[:, :N_INPUTS]
    height, width = pixels.shape[-2:]
    padding = (0, -width % multiple, 0, -height % multiple, 0, N_INPUTS - pixels.shape[1])
    return F.pad(pixels, padding)
