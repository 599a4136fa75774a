"""What a view shows, measured: targets that need no teacher and teach from the first step."""

from __future__ import annotations

import torch
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d, pad

N_TEXTURES = 66  # per patch: 16 parts of each of 3 planes, and 6 numbers of texture for each
N_PORTRAIT = 44
_COARSE = 4  # parts of a patch each way
_N_BANDS = 4  # of granularity, each of twice the size of the one before
_RINGS = 4


def describe_patches(views: torch.Tensor, grid: int) -> torch.Tensor:
    """Describe every patch by its coarse picture and its texture, standardised over the batch.

    The coarse picture is what a masked autoencoder rebuilds (He et al. 2022); gradients by direction stand in for the
    histograms of MaskFeat (Wei et al. 2022).

    Parameters
    ----------
    views : Tensor of shape (N, 3, S, S)
    grid : int
        Patches along a side.

    Returns
    -------
    Tensor of shape (N, P, 66)
        Patches in row-major order.
    """
    dx = pad(views[..., :, 2:] - views[..., :, :-2], (1, 1, 0, 0))
    dy = pad(views[..., 2:, :] - views[..., :-2, :], (0, 0, 1, 1))
    fine = (views - avg_pool2d(views, 3, stride=1, padding=1)).abs()
    texture = torch.cat([dx.abs(), dy.abs(), dx**2 + dy**2, dx**2 - dy**2, 2 * dx * dy, fine], dim=1)
    pooled = adaptive_avg_pool2d(texture, grid).flatten(2).transpose(1, 2)
    return _standardise(torch.cat([_coarse(views, grid), pooled], dim=2), dims=(0, 1))


def describe_views(views: torch.Tensor, inside: torch.Tensor) -> torch.Tensor:
    """Describe every view as a whole, standardised over the batch.

    Brightness and its spread, granularity by bands of size, the profile from the centre outwards, how the planes go
    together, and the size and shape of the cell: what classical profiling measures (Carpenter et al. 2006).

    Parameters
    ----------
    views : Tensor of shape (N, 3, S, S)
    inside : Tensor of shape (N, 1, S, S)

    Returns
    -------
    Tensor of shape (N, 44)
    """
    mean, std = views.mean(dim=(2, 3)), views.std(dim=(2, 3))
    parts = [mean, std, _bands(views), _profile(views), _together(views), _together(_fine(views)), _form(inside)]
    return _standardise(torch.cat(parts, dim=1), dims=(0,))


def _coarse(views: torch.Tensor, grid: int) -> torch.Tensor:
    """Picture of each patch in 4 by 4 parts, (N, P, 48)."""
    small = adaptive_avg_pool2d(views, grid * _COARSE)
    tiles = small.unflatten(3, (grid, _COARSE)).unflatten(2, (grid, _COARSE))  # (N, 3, rows, 4, columns, 4)
    return tiles.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)


def _fine(views: torch.Tensor) -> torch.Tensor:
    return views - avg_pool2d(views, 5, stride=1, padding=2, count_include_pad=False)


def _bands(views: torch.Tensor) -> torch.Tensor:
    """Logarithm of the energy in each band of size, (N, 12)."""
    energies, level = [], views
    for _ in range(_N_BANDS):
        smooth = avg_pool2d(level, 3, stride=1, padding=1, count_include_pad=False)
        energies.append(((level - smooth) ** 2).mean(dim=(2, 3)))
        level = avg_pool2d(smooth, 2)
    return torch.log(torch.cat(energies, dim=1) + 1e-5)


def _profile(views: torch.Tensor) -> torch.Tensor:
    """Mean light in rings around the middle, (N, 12)."""
    side = views.shape[-1]
    line = (torch.arange(side, device=views.device) + 0.5) / side * 2 - 1
    distance = torch.hypot(line[:, None], line[None, :])
    rings = [(distance >= at / _RINGS) & (distance < (at + 1) / _RINGS) for at in range(_RINGS)]
    return torch.cat([(views * ring).sum(dim=(2, 3)) / ring.sum() for ring in rings], dim=1)


def _together(views: torch.Tensor) -> torch.Tensor:
    """Correlation of each pair of planes, (N, 3)."""
    centred = views - views.mean(dim=(2, 3), keepdim=True)
    unit = centred / (centred.square().sum(dim=(2, 3), keepdim=True).sqrt() + 1e-3)
    return torch.stack([(unit[:, a] * unit[:, b]).sum(dim=(1, 2)) for a, b in ((0, 1), (0, 2), (1, 2))], dim=1)


def _form(inside: torch.Tensor) -> torch.Tensor:
    """Share of the view, logarithm of outline and of the axes' lengths, elongation and solidity of the cell, (N, 8)."""
    cell = inside[:, 0]
    line = torch.linspace(-1, 1, cell.shape[-1], device=cell.device)
    area = cell.mean(dim=(1, 2)) + 1e-4
    y, x = ((cell * at).mean(dim=(1, 2)) / area for at in (line[:, None], line[None, :]))
    yy = (cell * (line[:, None] - y[:, None, None]) ** 2).mean(dim=(1, 2)) / area
    xx = (cell * (line[None, :] - x[:, None, None]) ** 2).mean(dim=(1, 2)) / area
    yx = (cell * (line[:, None] - y[:, None, None]) * (line[None, :] - x[:, None, None])).mean(dim=(1, 2)) / area
    skew = torch.hypot((yy - xx) / 2, yx)
    long, short = (yy + xx) / 2 + skew + 1e-3, (yy + xx) / 2 - skew + 1e-3
    edge = (cell[:, 1:] - cell[:, :-1]).abs().mean(dim=(1, 2)) + (cell[:, :, 1:] - cell[:, :, :-1]).abs().mean(
        dim=(1, 2)
    )
    ellipse = 4 * torch.sqrt(long * short)
    return torch.stack(
        [area, area.log(), long.log(), short.log(), (short / long).sqrt(), edge, edge / area.sqrt(), area / ellipse], 1
    )


def _standardise(numbers: torch.Tensor, dims: tuple[int, ...]) -> torch.Tensor:
    mean, std = numbers.mean(dim=dims, keepdim=True), numbers.std(dim=dims, keepdim=True)
    return ((numbers - mean) / (std + 1e-6)).clamp(-5, 5)
