"""Augmented views of crops: multi-crop (Caron et al. 2020) for cells, whose rotation, stain and exposure vary."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch.nn.functional import affine_grid, avg_pool2d, grid_sample, one_hot

from cellapp.training.encoder.recipe import Views

_COPY = 0.1  # share of crops of which one plane is copied to all, as an encoder reads a picture of one channel
_BLUR = 0.3
_NOISE = 0.04
_GAIN, _GAMMA = (0.65, 1.25), (0.75, 1.35)


@dataclass(frozen=True, eq=False)
class ViewBatch:
    """Views of B crops; view after view, so that row ``v * B + i`` shows crop i."""

    wide: torch.Tensor  # (2 B, 3, S, S) float32, 0 to 1: the global views
    cell: torch.Tensor  # (2 B, 1, S, S) float32: mask of the cell in `wide`
    narrow: torch.Tensor  # (L B, 3, s, s) float32, 0 to 1: the local views

    def to(self, device: torch.device) -> ViewBatch:
        """Return the views on a device."""
        return ViewBatch(self.wide.to(device), self.cell.to(device), self.narrow.to(device))


def draw_views(crops: torch.Tensor, views: Views, side_px: int) -> ViewBatch:
    """Draw two global and several local views of each crop with torch's default generator.

    Stain augmentation is drawn once for a crop and shared by all its views: which plane shows what differs between
    laboratories, not between two pictures of one cell.

    Parameters
    ----------
    crops : Tensor of shape (B, 4, T, T), uint8
        Three planes and the mask of the cell.
    views : Views
    side_px : int
        Side of a global view.
    """
    planes, cell = crops[:, :3].float() / 255, crops[:, 3:].float() / 255
    stained = torch.cat([augment_stains(mix_stains(planes, cell, views.borrow), views), cell], dim=1)
    wide = _random_squares(stained.repeat(2, 1, 1, 1), views.global_area, side_px)
    narrow = _random_squares(stained.repeat(views.n_local, 1, 1, 1), views.local_area, views.local_px)
    # Shared by all views of a crop: a neighbour that only one view shows would tell views apart.
    masked = torch.rand(len(crops), 1, 1, 1) < views.masked
    wide_masked, narrow_masked = masked.repeat(2, 1, 1, 1), masked.repeat(views.n_local, 1, 1, 1)
    return ViewBatch(_augment_exposure(wide, wide_masked), wide[:, 3:], _augment_exposure(narrow, narrow_masked))


def mix_stains(planes: torch.Tensor, cell: torch.Tensor, share: float) -> torch.Tensor:
    """Give crops of one channel planes of other such crops, as if they had been stained more than once.

    Few data sets show several stains of one cell; without this augmentation an encoder reads three equal planes mostly.

    Parameters
    ----------
    planes : Tensor of shape (B, 3, T, T)
        Crops whose three planes are equal are those of one channel; others stay as they are.
    cell : Tensor of shape (B, 1, T, T)
        Mask of the cell; only pixels of the cell are given to another crop.
    share : float
        Share of the second and third planes that are replaced.
    """
    gray = (planes == planes[:, :1]).all(dim=1).all(dim=(1, 2)).nonzero()[:, 0]
    donors = (planes[gray] * (cell[gray] > 0.5))[:, 0]
    mixed = planes.clone()
    for plane in (1, 2):
        replaced = torch.rand(len(gray)) < share
        mixed[gray[replaced], plane] = donors[torch.randperm(len(gray))[replaced]]
    return mixed


def augment_stains(planes: torch.Tensor, views: Views) -> torch.Tensor:
    """Permute, drop or copy planes of crops, (B, 3, T, T); the last plane with any signal is never dropped."""
    n = len(planes)
    order = torch.rand(n, 3).argsort(dim=1)
    order = torch.where(torch.rand(n, 1) < views.permute, order, torch.arange(3).expand(n, 3))
    permuted = planes.gather(1, order[:, :, None, None].expand_as(planes))
    drawn = one_hot(torch.randint(0, 3, (n,)), 3).bool()[:, :, None, None]
    has_signal = permuted.amax(dim=(2, 3), keepdim=True) > 0
    has_other = (has_signal & ~drawn).any(dim=1, keepdim=True)
    dropped = torch.where((torch.rand(n, 1, 1, 1) < views.drop_plane) & drawn & has_other, 0.0, permuted)
    brightest = dropped.mean(dim=(2, 3)).argmax(dim=1)
    copied = dropped[torch.arange(n), brightest][:, None].expand_as(dropped)
    return torch.where(torch.rand(n, 1, 1, 1) < _COPY, copied, dropped)


def draw_masks(n: int, grid: int, share: tuple[float, float]) -> torch.Tensor:
    """Draw masked patches in blocks of 2 by 2, none in every other view.

    Parameters
    ----------
    n : int
        Views.
    grid : int
        Patches along a side.
    share : tuple of float
        Least and largest share of the patches of a view.

    Returns
    -------
    Tensor of shape (n, grid * grid), bool
    """
    coarse = torch.rand(n, -(-grid // 2), -(-grid // 2))
    masked = coarse < torch.empty(n, 1, 1).uniform_(*share)
    masked[torch.arange(n) % 2 == 1] = False
    return masked.repeat_interleave(2, 1).repeat_interleave(2, 2)[:, :grid, :grid].flatten(1)


def _random_squares(crops: torch.Tensor, area: tuple[float, float], side_px: int) -> torch.Tensor:
    """Sample a rotated, perhaps mirrored square of random size and position from each crop, (N, 4, side, side)."""
    n = len(crops)
    if not n:
        return crops.new_zeros(0, crops.shape[1], side_px, side_px)
    zoom = torch.empty(n).uniform_(*area).sqrt()
    angle = torch.rand(n) * 2 * math.pi
    mirror = torch.randint(0, 2, (n,)) * 2.0 - 1
    cos, sin = torch.cos(angle) * zoom, torch.sin(angle) * zoom
    y, x = ((torch.rand(n) * 2 - 1) * (1 - zoom) * 0.8 for _ in range(2))
    affine = torch.stack([torch.stack([cos * mirror, -sin, x], 1), torch.stack([sin * mirror, cos, y], 1)], 1)
    grid = affine_grid(affine, [n, crops.shape[1], side_px, side_px], align_corners=False)
    return grid_sample(crops, grid, align_corners=False)


def _augment_exposure(views: torch.Tensor, masked: torch.Tensor) -> torch.Tensor:
    """Vary gain, gamma, focus and noise of views, (N, 4, S, S), and blacken what is not the cell where `masked`."""
    n, planes = len(views), views[:, :3].clamp(0, 1)
    gamma = torch.empty(n, 3, 1, 1).uniform_(*_GAMMA)
    planes = (planes + 1e-6) ** gamma * torch.empty(n, 3, 1, 1).uniform_(*_GAIN)
    blurred = avg_pool2d(planes, 3, stride=1, padding=1, count_include_pad=False)
    planes = torch.where(torch.rand(n, 1, 1, 1) < _BLUR, blurred, planes)
    has_signal = planes.amax(dim=(2, 3), keepdim=True) > 1e-3
    planes = planes + has_signal * torch.empty(n, 1, 1, 1).uniform_(0, _NOISE) * torch.randn_like(planes)
    return torch.where(masked & (views[:, 3:] < 0.5), 0.0, planes).clamp(0, 1)
