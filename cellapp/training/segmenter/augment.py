"""Random crops of labelled images: placed, turned, rescaled, and photographed anew."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from cellapp.segmentation.flow_unet import N_INPUTS, REFERENCE_PX
from cellapp.training.segmenter.dataset import Example
from cellapp.training.segmenter.source_images import Kind

NEAR, FAR = 0.6, 2.0  # octaves around the reference diameter: usual crops, and those that teach the size
FAR_SHARE = 0.25
FADED_SHARE = 0.4  # of crops have some of their cells faded
FADING = (0.3, 0.9)  # contrast that a faded cell keeps


@dataclass(frozen=True, eq=False)
class Sample:
    """What the network sees and should answer."""

    planes: torch.Tensor  # (2, S, S) float32
    targets: torch.Tensor  # (5, S, S) float32: flow y and x, cell (0 or 1), log2 of diameter / 30 px, emphasis


def draw_sample(example: Example, side_px: int, rng: np.random.Generator) -> Sample:
    """Draw a random square of an image, turned by any angle, at a random size around 30 px per cell.

    Parameters
    ----------
    example : Example
    side_px : int
    rng : numpy Generator

    Returns
    -------
    Sample
    """
    octaves = rng.uniform(-FAR, FAR) if rng.random() < FAR_SHARE else rng.uniform(-NEAR, NEAR)
    scale = REFERENCE_PX * 2**octaves / example.diameter_px
    turn = _random_turn(rng)
    gains = _draw_gains(example, rng)
    rest = [example.labels > 0, example.emphasis] + ([] if gains is None else [gains])
    stack = np.concatenate([example.planes, example.flows, np.stack(rest)])
    window = _sample(stack, turn / scale, _random_centre(example.labels.shape, side_px / scale, rng), side_px)
    n = len(example.planes)
    flows = torch.einsum("ij,jyx->iyx", torch.from_numpy(turn.T.astype(np.float32)), window[n : n + 2])
    cell = (window[n + 2] > 0.5).float()
    size = torch.full_like(cell, octaves)
    targets = torch.stack([flows[0] * cell, flows[1] * cell, cell, size, window[n + 3]])
    planes = window[:n] if gains is None else _fade(window[:n], cell, window[n + 4])
    return Sample(_photograph(_choose_planes(planes, example, rng), rng), targets)


def _random_turn(rng: np.random.Generator) -> np.ndarray:
    """Draw an orthogonal matrix, (2, 2) in (y, x) order: any angle, mirrored half of the time."""
    angle = rng.uniform(0, 2 * math.pi)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return turn * [1, rng.choice([-1, 1])]


def _random_centre(shape: tuple[int, ...], extent_px: float, rng: np.random.Generator) -> np.ndarray:
    """Draw where the window lies, so that it is full of image where it can be; (y, x) px."""
    slack = [abs(side - extent_px) / 2 for side in shape]
    return np.array([side / 2 + rng.uniform(-s, s) for side, s in zip(shape, slack, strict=True)])


def _sample(stack: np.ndarray, matrix: np.ndarray, centre: np.ndarray, side_px: int) -> torch.Tensor:
    """Read a (C, Y, X) array at ``centre + matrix @ offset`` for each pixel of a square; zeros outside."""
    offsets = np.arange(side_px) - (side_px - 1) / 2
    yx = np.stack(np.meshgrid(offsets, offsets, indexing="ij"))
    source = np.einsum("ij,jyx->iyx", matrix, yx) + centre[:, None, None]
    low = np.maximum(np.floor(source.min(axis=(1, 2))).astype(int) - 1, 0)
    high = np.minimum(np.ceil(source.max(axis=(1, 2))).astype(int) + 2, stack.shape[1:])
    part = torch.from_numpy(stack[:, low[0] : high[0], low[1] : high[1]].astype(np.float32))[None]
    unit = (2 * (source - low[:, None, None]) / np.array(part.shape[2:])[:, None, None] - 1).astype(np.float32)
    grid = torch.from_numpy(unit[::-1].copy()).permute(1, 2, 0)[None]
    return F.grid_sample(part, grid, align_corners=False)[0]


def _draw_gains(example: Example, rng: np.random.Generator) -> np.ndarray | None:
    """Draw the contrast each cell keeps, (Y, X) float16: dim cells beside bright ones are what is missed most."""
    if example.kind is Kind.PHASE or rng.random() > FADED_SHARE:
        return None
    gains = np.ones(int(example.labels.max()) + 1, np.float16)
    chosen = rng.random(len(gains)) < rng.uniform(0.1, 0.6)
    gains[chosen] = rng.uniform(*FADING, np.count_nonzero(chosen))
    return gains[example.labels]


def _fade(planes: torch.Tensor, cell: torch.Tensor, gains: torch.Tensor) -> torch.Tensor:
    """Pull cells towards the background's median, which stays; (C, S, S)."""
    around = planes[:, cell == 0]
    if around.shape[1] == 0:
        return planes
    floor = around.median(dim=1).values[:, None, None]
    return floor + (planes - floor) * torch.where(cell > 0, gains, 1.0)


def _choose_planes(planes: torch.Tensor, example: Example, rng: np.random.Generator) -> torch.Tensor:
    """Return what is bright where a cell is, and its nucleus or nothing; (2, S, S)."""
    nothing = torch.zeros_like(planes[0])
    if example.kind is Kind.SYNTHETIC:
        return _choose_stains(planes, nothing, rng)
    weights = rng.dirichlet([1.0] * len(planes)) if rng.random() < 0.5 else example.weights
    body = torch.einsum("c,cyx->yx", torch.from_numpy(np.float32(weights)), planes)
    wrong = 0.3 if example.kind is Kind.PHASE else 0.08  # the polarity is a guess, more so in phase contrast
    return torch.stack([1 - body if example.inverted != (rng.random() < wrong) else body, nothing])


def _choose_stains(planes: torch.Tensor, nothing: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    others, nucleus = planes[[0, 1]], planes[2]
    body = (others[0], others[1], others.mean(dim=0), planes.mean(dim=0))[rng.choice(4, p=[0.2, 0.3, 0.35, 0.15])]
    pair = [body, nucleus if rng.random() < 0.6 else nothing]
    return torch.stack(pair[::-1] if rng.random() < 0.08 else pair)


def _photograph(planes: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Change what differs between microscopes: gain, offset, contrast curve, uneven light, focus, noise."""
    for plane in planes:
        if plane.any():
            plane.copy_(_blur(_shade(plane, rng), rng))
            if rng.random() < 0.4:
                noise = torch.from_numpy(rng.standard_normal(plane.shape, dtype=np.float32))
                plane += noise * rng.uniform(0, 0.15) * (plane.clamp(min=0.02).sqrt() if rng.random() < 0.5 else 1)
    return planes[:N_INPUTS]


def _shade(plane: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    if rng.random() < 0.7:
        plane = plane.clamp(0, 1) ** float(2 ** rng.uniform(-1.2, 1.2))
    if rng.random() < 0.3:
        ramp = torch.linspace(-1, 1, plane.shape[0])
        plane = plane * (1 + rng.uniform(0, 0.5) * (ramp[:, None] if rng.random() < 0.5 else ramp))
    return plane * rng.uniform(0.7, 1.3) + rng.uniform(-0.1, 0.1)


def _blur(plane: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    if rng.random() > 0.25:
        return plane
    offsets = torch.arange(-4.0, 5.0)
    kernel = torch.exp(-0.5 * (offsets / rng.uniform(0.4, 1.6)) ** 2)
    kernel = kernel / kernel.sum()
    rows = F.conv2d(F.pad(plane[None, None], (4, 4, 4, 4), mode="replicate"), kernel[None, None, :, None])
    return F.conv2d(rows, kernel[None, None, None, :])[0, 0]
