"""Auxiliary regression targets: texture of each patch and profile of each view, computed from the pixels alone.

They need no teacher, so that the student learns from the first step on.
"""

from __future__ import annotations

import torch
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d, pad

N_TEXTURES = 66  # per patch: 16 parts of each of 3 planes, and 6 numbers of texture for each
N_PROFILE = 44
_COARSE = 4  # parts of a patch each way
_N_BANDS = 4  # of granularity, each of twice the size of the one before
_RINGS = 4


def patch_textures(views: torch.Tensor, grid: int) -> torch.Tensor:
    """Compute coarse pixels and texture of every patch, standardised over the batch.

    Coarse pixels are what a masked autoencoder rebuilds (He et al. 2022); gradients by direction stand in for the
    histograms of MaskFeat (Wei et al. 2022).

    Parameters
    ----------
    views : Tensor of shape (N, 3, S, S)
        0 to 1.
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
    return _standardise(torch.cat([_coarse_pixels(views, grid), pooled], dim=2), dims=(0, 1))


def view_profiles(views: torch.Tensor, cell: torch.Tensor) -> torch.Tensor:
    """Compute a classical profile of every view (Carpenter et al. 2006), standardised over the batch.

    Brightness and its spread, granularity by bands of size, mean intensity in rings, correlation of the planes, fine
    detail of them, too, and size and shape of the cell.

    Parameters
    ----------
    views : Tensor of shape (N, 3, S, S)
        0 to 1.
    cell : Tensor of shape (N, 1, S, S)
        Mask of the cell, 0 to 1.

    Returns
    -------
    Tensor of shape (N, 44)
    """
    fine = views - avg_pool2d(views, 5, stride=1, padding=2, count_include_pad=False)
    parts = [
        views.mean(dim=(2, 3)),
        views.std(dim=(2, 3)),
        _granularity(views),
        _radial_means(views),
        _plane_correlations(views),
        _plane_correlations(fine),
        _shape(cell[:, 0]),
    ]
    return _standardise(torch.cat(parts, dim=1), dims=(0,))


def _coarse_pixels(views: torch.Tensor, grid: int) -> torch.Tensor:
    """Means of 4 by 4 parts of each patch, (N, P, 48)."""
    small = adaptive_avg_pool2d(views, grid * _COARSE)
    tiles = small.unflatten(3, (grid, _COARSE)).unflatten(2, (grid, _COARSE))  # (N, 3, rows, 4, columns, 4)
    return tiles.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)


def _granularity(views: torch.Tensor) -> torch.Tensor:
    """Logarithm of the energy in each band of size, (N, 12)."""
    energies, level = [], views
    for _ in range(_N_BANDS):
        smooth = avg_pool2d(level, 3, stride=1, padding=1, count_include_pad=False)
        energies.append(((level - smooth) ** 2).mean(dim=(2, 3)))
        level = avg_pool2d(smooth, 2)
    return torch.log(torch.cat(energies, dim=1) + 1e-5)


def _radial_means(views: torch.Tensor) -> torch.Tensor:
    """Mean intensity in rings around the centre of the view, (N, 12)."""
    side = views.shape[-1]
    line = (torch.arange(side, device=views.device) + 0.5) / side * 2 - 1
    distance = torch.hypot(line[:, None], line[None, :])
    rings = [(distance >= at / _RINGS) & (distance < (at + 1) / _RINGS) for at in range(_RINGS)]
    return torch.cat([(views * ring).sum(dim=(2, 3)) / ring.sum() for ring in rings], dim=1)


def _plane_correlations(views: torch.Tensor) -> torch.Tensor:
    """Correlation of each pair of planes, (N, 3)."""
    centred = views - views.mean(dim=(2, 3), keepdim=True)
    unit = centred / (centred.square().sum(dim=(2, 3), keepdim=True).sqrt() + 1e-3)
    return torch.stack([(unit[:, a] * unit[:, b]).sum(dim=(1, 2)) for a, b in ((0, 1), (0, 2), (1, 2))], dim=1)


def _shape(cell: torch.Tensor) -> torch.Tensor:
    """Size and shape of the cell from its mask, (N, S, S), and the mask's second moments, (N, 8).

    Area as a share of the view and its logarithm, logarithms of the axes' lengths, elongation, length of the outline,
    that relative to the root of the area, and solidity.
    """
    line = torch.linspace(-1, 1, cell.shape[-1], device=cell.device)
    area = cell.mean(dim=(1, 2)) + 1e-4
    y, x = ((cell * at).mean(dim=(1, 2)) / area for at in (line[:, None], line[None, :]))
    dy, dx = line[:, None] - y[:, None, None], line[None, :] - x[:, None, None]
    yy, xx, yx = (moment.mean(dim=(1, 2)) / area for moment in (cell * dy**2, cell * dx**2, cell * dy * dx))
    skew = torch.hypot((yy - xx) / 2, yx)
    long, short = (yy + xx) / 2 + skew + 1e-3, (yy + xx) / 2 - skew + 1e-3
    outline = sum(cell.diff(dim=dim).abs().mean(dim=(1, 2)) for dim in (1, 2))
    ellipse = 4 * torch.sqrt(long * short)
    elongation = (short / long).sqrt()
    columns = [area, area.log(), long.log(), short.log(), elongation, outline, outline / area.sqrt(), area / ellipse]
    return torch.stack(columns, dim=1)


def _standardise(numbers: torch.Tensor, dims: tuple[int, ...]) -> torch.Tensor:
    mean, std = numbers.mean(dim=dims, keepdim=True), numbers.std(dim=dims, keepdim=True)
    return ((numbers - mean) / (std + 1e-6)).clamp(-5, 5)
