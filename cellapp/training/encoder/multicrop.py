"""Views of a crop: multi-crop (Caron et al. 2020) for cells, which have no up, no fixed stain, no fixed exposure."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch.nn.functional import affine_grid, avg_pool2d, grid_sample

from cellapp.training.encoder.recipe import Views

_COPY = 0.1  # share of crops of which one plane is copied to all, as a picture of one channel reaches an encoder
_BLUR = 0.3
_NOISE = 0.04
_GAIN, _POWER = (0.65, 1.25), (0.75, 1.35)


@dataclass(frozen=True, eq=False)
class ViewBatch:
    """Views of B crops; view after view, so that row ``v * B + i`` shows crop i."""

    wide: torch.Tensor  # (2 B, 3, S, S) float32, 0 to 1
    inside: torch.Tensor  # (2 B, 1, S, S) float32: 1 on the cell, in `wide`
    narrow: torch.Tensor  # (L B, 3, s, s) float32

    def to(self, device: torch.device) -> ViewBatch:
        """Return the views on a device."""
        return ViewBatch(self.wide.to(device), self.inside.to(device), self.narrow.to(device))


def draw_views(crops: torch.Tensor, views: Views, side_px: int) -> ViewBatch:
    """Draw two global and several local views of each crop by torch's generator.

    Planes are lost, copied and exchanged once for a crop and stay so in all its views: which plane shows what differs
    between laboratories, not between two looks at one cell.

    Parameters
    ----------
    crops : Tensor of shape (B, 4, T, T), uint8
        Three planes and where the cell is.
    views : Views
    side_px : int
        Side of a global view.
    """
    planes = crops[:, :3].float() / 255
    inside = crops[:, 3:].float() / 255
    stained = torch.cat([restain(borrow(planes, inside, views.borrow), views), inside], dim=1)
    wide = _look(stained.repeat(2, 1, 1, 1), views.global_area, side_px)
    narrow = _look(stained.repeat(views.n_local, 1, 1, 1), views.local_area, views.local_px)
    masked = torch.rand(len(crops), 1, 1, 1) < views.masked  # a neighbour seen in one view only would tell views apart
    return ViewBatch(_expose(wide, masked.repeat(2, 1, 1, 1)), wide[:, 3:], _expose(narrow, _tile(masked, views)))


def borrow(planes: torch.Tensor, inside: torch.Tensor, share: float) -> torch.Tensor:
    """Give crops of one channel, (B, 3, T, T), planes of other such crops, as if stained more than once.

    Few sets show several stains of one cell; planes that differ teach that each may say something of its own.
    """
    gray = (planes == planes[:, :1]).all(dim=1).all(dim=(1, 2)).nonzero()[:, 0]
    lent = (planes[gray] * (inside[gray] > 0.5))[:, 0]
    result = planes.clone()
    for plane in (1, 2):
        taken = torch.rand(len(gray)) < share
        result[gray[taken], plane] = lent[torch.randperm(len(gray))[taken]]
    return result


def restain(planes: torch.Tensor, views: Views) -> torch.Tensor:
    """Exchange, lose or copy planes of crops, (B, 3, T, T); a crop with light keeps some."""
    n = len(planes)
    order = torch.rand(n, 3).argsort(dim=1)
    order = torch.where(torch.rand(n, 1) < views.permute, order, torch.arange(3).expand(n, 3))
    mixed = planes.gather(1, order[:, :, None, None].expand_as(planes))
    lost = torch.nn.functional.one_hot(torch.randint(0, 3, (n,)), 3).bool()[:, :, None, None]
    lit = mixed.amax(dim=(2, 3), keepdim=True) > 0
    spare = (lit & ~lost).any(dim=1, keepdim=True)
    mixed = torch.where((torch.rand(n, 1, 1, 1) < views.drop_plane) & lost & spare, 0.0, mixed)
    brightest = mixed.mean(dim=(2, 3)).argmax(dim=1)
    copied = mixed[torch.arange(n), brightest][:, None].expand_as(mixed)
    return torch.where(torch.rand(n, 1, 1, 1) < _COPY, copied, mixed)


def draw_masks(n: int, grid: int, share: tuple[float, float]) -> torch.Tensor:
    """Choose patches to hide, (n, grid * grid) bool: blocks of 2 by 2 in every other view."""
    coarse = torch.rand(n, -(-grid // 2), -(-grid // 2))
    hidden = coarse < torch.empty(n, 1, 1).uniform_(*share)
    hidden[torch.arange(n) % 2 == 1] = False
    return hidden.repeat_interleave(2, 1).repeat_interleave(2, 2)[:, :grid, :grid].flatten(1)


def _tile(masked: torch.Tensor, views: Views) -> torch.Tensor:
    return masked.repeat(views.n_local, 1, 1, 1)


def _look(crops: torch.Tensor, area: tuple[float, float], side_px: int) -> torch.Tensor:
    """Cut a turned, perhaps mirrored square of random size and place out of each crop, (N, 4, side, side)."""
    n = len(crops)
    if not n:
        return crops.new_zeros(0, crops.shape[1], side_px, side_px)
    zoom = torch.empty(n).uniform_(*area).sqrt()
    angle = torch.rand(n) * 2 * math.pi
    mirror = torch.randint(0, 2, (n,)) * 2.0 - 1
    cos, sin = torch.cos(angle) * zoom, torch.sin(angle) * zoom
    y, x = ((torch.rand(n) * 2 - 1) * (1 - zoom) * 0.8 for _ in range(2))
    turn = torch.stack([torch.stack([cos * mirror, -sin, x], 1), torch.stack([sin * mirror, cos, y], 1)], 1)
    where = affine_grid(turn, [n, crops.shape[1], side_px, side_px], align_corners=False)
    return grid_sample(crops, where, align_corners=False)


def _expose(seen: torch.Tensor, masked: torch.Tensor) -> torch.Tensor:
    """Change gain, contrast curve, focus and noise of views, (N, 4, S, S), and black out what is not the cell."""
    n, planes = len(seen), seen[:, :3].clamp(0, 1)
    power = torch.empty(n, 3, 1, 1).uniform_(*_POWER)
    planes = (planes + 1e-6) ** power * torch.empty(n, 3, 1, 1).uniform_(*_GAIN)
    blurred = avg_pool2d(planes, 3, stride=1, padding=1, count_include_pad=False)
    planes = torch.where(torch.rand(n, 1, 1, 1) < _BLUR, blurred, planes)
    lit = planes.amax(dim=(2, 3), keepdim=True) > 1e-3
    planes = planes + lit * torch.empty(n, 1, 1, 1).uniform_(0, _NOISE) * torch.randn_like(planes)
    return torch.where(masked & (seen[:, 3:] < 0.5), 0.0, planes).clamp(0, 1)
