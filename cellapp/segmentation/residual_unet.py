"""The network of Cellpose 1 to 3 (Stringer, Wang, Michaelos and Pachitariu 2021), which Cellpose 4 no longer has.

A U-Net of residual blocks whose way down ends in a vector of the image's style; the way up is told that vector in
every block. Names of its parts are those in published files, so that cyto, cyto2, cyto3, nuclei, and whatever was
trained from them, load as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn

WIDTHS = (32, 64, 128, 256)
"""Channels at each level of the published networks, largest pixels last."""

NUCLEI_DIAMETER_PX = 17.0
"""Diameter to which nuclei were scaled for networks that find nuclei alone."""


class ResidualUNet(nn.Module):
    """From two planes to flows and the logit of the cell.

    Parameters
    ----------
    widths : sequence of int
        Channels at each level, that of full resolution first.
    n_inputs : int
        Planes read; what an image has beyond these is left out.
    """

    tile_px = 224
    """Side of the squares that the published networks were trained on."""
    backbone = "residual_unet"
    """What tells it from networks of Cellpose 4 where Cellpose trains it."""

    def __init__(self, widths: Sequence[int] = WIDTHS, n_inputs: int = 2) -> None:
        super().__init__()
        self.n_inputs = n_inputs
        self.downsample = _Down((n_inputs, *widths))
        self.upsample = _Up((*widths, widths[-1]))
        self.output = _convolution(widths[0], 3, 1)
        self.diam_mean = nn.Parameter(torch.full((1,), 30.0), requires_grad=False)
        self.diam_labels = nn.Parameter(torch.full((1,), 30.0), requires_grad=False)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.diam_mean.device

    @property
    def dtype(self) -> torch.dtype:
        """Number format of the weights."""
        return self.diam_mean.dtype

    @property
    def diameter_px(self) -> float:
        """Diameter to which cells are scaled for this network: 30 px, or 17 px where it was trained on nuclei."""
        return float(self.diam_mean)

    @property
    def of_nuclei(self) -> bool:
        """Whether it finds nuclei alone, in the first plane, and reads no second."""
        return self.diameter_px == NUCLEI_DIAMETER_PX

    def save_model(self, file: str | Path) -> None:
        """Write the tensors as Cellpose does, whose training calls this."""
        torch.save(self.state_dict(), file)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Run the network.

        Parameters
        ----------
        x : Tensor of shape (N, C, Y, X)
            Cells, nuclei; sides are multiples of 8.

        Returns
        -------
        maps : Tensor of shape (N, 3, Y, X)
            Five times the flow of rows and columns, and the logit of the cell.
        style : Tensor of shape (N, widths[-1])
            Of length 1.
        """
        levels = self.downsample(x[:, : self.n_inputs])
        style = levels[-1].mean(dim=(2, 3))
        style = style / style.square().sum(dim=1, keepdim=True).sqrt()
        return self.output(self.upsample(style, levels)), style


def widths_of(state: Mapping[str, Tensor]) -> tuple[int, tuple[int, ...]]:
    """Return the number of planes and the channels of each level of a network, from its tensors."""
    first = [state[f"downsample.down.res_down_{level}.proj.1.weight"] for level in range(_n_levels(state))]
    return first[0].shape[1], tuple(weight.shape[0] for weight in first)


def _n_levels(state: Mapping[str, Tensor]) -> int:
    return sum(name.startswith("downsample.") and name.endswith(".proj.1.weight") for name in state)


class _Down(nn.Module):
    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        pairs = pairwise(widths)
        self.down = nn.ModuleDict({f"res_down_{i}": _DownBlock(*pair) for i, pair in enumerate(pairs)})
        self.maxpool = nn.MaxPool2d(2)

    def forward(self, x: Tensor) -> list[Tensor]:
        levels: list[Tensor] = []
        for block in self.down.values():
            levels.append(block(self.maxpool(levels[-1]) if levels else x))
        return levels


class _DownBlock(nn.Module):
    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.conv = nn.ModuleDict({f"conv_{i}": _convolution(n_out if i else n_in, n_out, 3) for i in range(4)})
        self.proj = _projection(n_in, n_out)

    def forward(self, x: Tensor) -> Tensor:
        x = self.proj(x) + self.conv["conv_1"](self.conv["conv_0"](x))
        return x + self.conv["conv_3"](self.conv["conv_2"](x))


class _Up(nn.Module):
    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        pairs = enumerate(pairwise(widths))
        self.up = nn.ModuleDict({f"res_up_{i}": _UpBlock(n_in, n_out, widths[-1]) for i, (n_out, n_in) in pairs})
        self.upsampling = nn.Upsample(scale_factor=2, mode="nearest")

    def forward(self, style: Tensor, levels: Sequence[Tensor]) -> Tensor:
        x = levels[-1]
        for i, level in reversed(list(enumerate(levels))):
            x = self.up[f"res_up_{i}"](x if i == len(levels) - 1 else self.upsampling(x), level, style)
        return x


class _UpBlock(nn.Module):
    def __init__(self, n_in: int, n_out: int, n_style: int) -> None:
        super().__init__()
        styled = {f"conv_{i}": _StyledConvolution(n_out, n_style) for i in range(1, 4)}
        self.conv = nn.ModuleDict({"conv_0": _convolution(n_in, n_out, 3), **styled})
        self.proj = _projection(n_in, n_out)

    def forward(self, x: Tensor, level: Tensor, style: Tensor) -> Tensor:
        x = self.proj(x) + self.conv["conv_1"](style, self.conv["conv_0"](x) + level)
        return x + self.conv["conv_3"](style, self.conv["conv_2"](style, x))


class _StyledConvolution(nn.Module):
    def __init__(self, n: int, n_style: int) -> None:
        super().__init__()
        self.conv = _convolution(n, n, 3)
        self.full = nn.Linear(n_style, n)

    def forward(self, style: Tensor, x: Tensor) -> Tensor:
        return self.conv(x + self.full(style)[:, :, None, None])


def _convolution(n_in: int, n_out: int, side: int) -> nn.Sequential:
    """Normalise, cut off below zero, convolve: the order of these networks."""
    return nn.Sequential(
        nn.BatchNorm2d(n_in, eps=1e-5, momentum=0.05), nn.ReLU(), nn.Conv2d(n_in, n_out, side, padding=side // 2)
    )


def _projection(n_in: int, n_out: int) -> nn.Sequential:
    return nn.Sequential(nn.BatchNorm2d(n_in, eps=1e-5, momentum=0.05), nn.Conv2d(n_in, n_out, 1))
