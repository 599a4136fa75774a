"""Batches of random crops of labelled images, augmented in position, rotation, scale, contrast, focus and noise."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from cellapp.errors import InputError
from cellapp.segmentation.flow_unet import N_INPUTS, REFERENCE_PX
from cellapp.training.segmenter.dataset import Example
from cellapp.training.segmenter.labelled_image import Kind
from cellapp.training.segmenter.recipe import SegmenterRecipe

NEAR, FAR = 0.6, 2.0  # octaves around the reference diameter: most crops, and those from which the size is learnt
FAR_SHARE = 0.25
FADED_SHARE = 0.4  # of crops in which the contrast of some cells is reduced
FADING = (0.3, 0.9)  # factor of the contrast of such a cell
EVENNESS = 0.3  # 0: every image of a kind is as likely; 1: every image size is


@dataclass(frozen=True, eq=False)
class Sample:
    """Input of the network and the output it should give."""

    planes: torch.Tensor  # (2, S, S) float32
    targets: torch.Tensor  # (5, S, S) float32: flow y and x, cell (0 or 1), log2 of diameter / 30 px, weight


class BatchSampler:
    """Draws images for batches: kinds by the recipe's shares, images of rare sizes more often than their number.

    Images of one size mostly come from one microscope, and a few acquisitions hold most images of a public set.

    Parameters
    ----------
    recipe : SegmenterRecipe
    examples : sequence of Example

    Raises
    ------
    InputError
        When no example is of a kind in the recipe's shares.
    """

    def __init__(self, recipe: SegmenterRecipe, examples: Sequence[Example]) -> None:
        by_kind = {kind: [e for e in examples if e.kind is kind] for kind in recipe.shares}
        self._pools = {kind: members for kind, members in by_kind.items() if members}
        if not self._pools:
            raise InputError("none of the training images holds a cell of a kind in the recipe's shares")
        self._recipe = recipe
        self._shares = _normalised([recipe.shares[kind] for kind in self._pools])
        self._probabilities = {kind: _probabilities(members) for kind, members in self._pools.items()}

    def draw(self, rng: np.random.Generator, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw the planes, (N, 2, S, S), and targets, (N, 5, S, S), of one batch."""
        kinds = rng.choice(list(self._pools), self._recipe.batch, p=self._shares)
        chosen = [
            self._pools[kind][rng.choice(len(self._probabilities[kind]), p=self._probabilities[kind])] for kind in kinds
        ]
        samples = [draw_sample(example, self._recipe.crop_px, rng) for example in chosen]
        planes = torch.stack([s.planes for s in samples]).to(device, memory_format=torch.channels_last)
        return planes, torch.stack([s.targets for s in samples]).to(device)


def _probabilities(members: Sequence[Example]) -> np.ndarray:
    """Probability of each image of a kind, (M,)."""
    n_of_size = Counter(example.labels.shape for example in members)
    return _normalised([n_of_size[example.labels.shape] ** -EVENNESS for example in members])


def _normalised(weights: Sequence[float]) -> np.ndarray:
    return np.asarray(weights) / np.sum(weights)


def draw_sample(example: Example, side_px: int, rng: np.random.Generator) -> Sample:
    """Draw a random square of an image, rotated by any angle, at a random scale around 30 px per cell.

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
    rotation = _random_rotation(rng)
    gains = _draw_gains(example, rng)
    rest = [example.labels > 0, example.weights] + ([] if gains is None else [gains])
    stack = np.concatenate([example.planes, example.flows, np.stack(rest)])
    window = _sample(stack, rotation / scale, _random_centre(example.labels.shape, side_px / scale, rng), side_px)
    n = len(example.planes)
    flows = torch.einsum("ij,jyx->iyx", torch.from_numpy(rotation.T.astype(np.float32)), window[n : n + 2])
    cell = (window[n + 2] > 0.5).float()
    size = torch.full_like(cell, octaves)
    targets = torch.stack([flows[0] * cell, flows[1] * cell, cell, size, window[n + 3]])
    planes = window[:n] if gains is None else _fade(window[:n], cell, window[n + 4])
    return Sample(_augment_exposure(_choose_planes(planes, example, rng), rng), targets)


def _random_rotation(rng: np.random.Generator) -> np.ndarray:
    """Draw an orthogonal matrix, (2, 2) in (y, x) order: any angle, mirrored half of the time."""
    angle = rng.uniform(0, 2 * math.pi)
    rotation = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return rotation * [1, rng.choice([-1, 1])]


def _random_centre(shape: tuple[int, ...], extent_px: float, rng: np.random.Generator) -> np.ndarray:
    """Draw the centre of a window, (y, x) px, that lies within the image where it fits."""
    slack = [abs(side - extent_px) / 2 for side in shape]
    return np.array([side / 2 + rng.uniform(-s, s) for side, s in zip(shape, slack, strict=True)])


def _sample(stack: np.ndarray, matrix: np.ndarray, centre: np.ndarray, side_px: int) -> torch.Tensor:
    """Interpolate a (C, Y, X) array at ``centre + matrix @ offset`` for each pixel of a square; zeros outside."""
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
    """Draw a factor of contrast for each cell, (Y, X) float16: dim cells beside bright ones are missed most.

    None where contrast comes from optics, and in tissue, whose dim nuclei are background on purpose.
    """
    if example.kind.label_free or example.kind is Kind.TISSUE or rng.random() > FADED_SHARE:
        return None
    gains = np.ones(int(example.labels.max()) + 1, np.float16)
    dimmed = rng.random(len(gains)) < rng.uniform(0.1, 0.6)
    gains[dimmed] = rng.uniform(*FADING, np.count_nonzero(dimmed))
    return gains[example.labels]


def _fade(planes: torch.Tensor, cell: torch.Tensor, gains: torch.Tensor) -> torch.Tensor:
    """Scale the contrast of cells to the median of the background, (C, S, S)."""
    background = planes[:, cell == 0]
    if background.shape[1] == 0:
        return planes
    floor = background.median(dim=1).values[:, None, None]
    return floor + (planes - floor) * torch.where(cell > 0, gains, 1.0)


def _choose_planes(planes: torch.Tensor, example: Example, rng: np.random.Generator) -> torch.Tensor:
    """Choose the two input planes, (2, S, S): bright where a cell is, and its nucleus or zeros."""
    zeros = torch.zeros_like(planes[0])
    if example.as_read:
        return torch.stack([planes[0], planes[1] if len(planes) > 1 else zeros])
    if example.kind is Kind.SYNTHETIC:
        return _choose_stains(planes, zeros, rng)
    mixing = rng.dirichlet([1.0] * len(planes)) if rng.random() < 0.5 else example.mixing
    body = torch.einsum("c,cyx->yx", torch.from_numpy(np.float32(mixing)), planes)
    wrong = 0.3 if example.kind.label_free else 0.08  # share of wrong polarity, which is estimated
    return torch.stack([1 - body if example.inverted != (rng.random() < wrong) else body, zeros])


def _choose_stains(planes: torch.Tensor, zeros: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    others, nucleus = planes[[0, 1]], planes[2]
    body = (others[0], others[1], others.mean(dim=0), planes.mean(dim=0))[rng.choice(4, p=[0.2, 0.3, 0.35, 0.15])]
    pair = [body, nucleus if rng.random() < 0.6 else zeros]
    return torch.stack(pair[::-1] if rng.random() < 0.08 else pair)


def _augment_exposure(planes: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Vary what differs between microscopes: gain, offset, gamma, illumination, focus and noise."""
    for plane in planes:
        if plane.any():
            plane.copy_(_blur(_vary_contrast(plane, rng), rng))
            if rng.random() < 0.4:
                noise = torch.from_numpy(rng.standard_normal(plane.shape, dtype=np.float32))
                plane += noise * rng.uniform(0, 0.15) * (plane.clamp(min=0.02).sqrt() if rng.random() < 0.5 else 1)
    return planes[:N_INPUTS]


def _vary_contrast(plane: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
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
