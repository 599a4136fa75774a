"""Render one cell: outline, nucleus, cytoplasm and fibres, from a random generator seeded by the cell."""

from __future__ import annotations

import math
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from cellapp.synthetic.appearance import NORMAL, Appearance, appearance_of
from cellapp.synthetic.layout import REACH, PlacedCell, shared_direction
from cellapp.synthetic.settings import SyntheticSettings


@dataclass(frozen=True, eq=False)
class RenderedCell:
    """A rendered cell on a square patch."""

    y: int  # upper left corner of the patch in px of the slide, may be negative
    x: int
    radius: np.ndarray  # (h, w) float32: distance from the centre in outline radii, below 1 is inside
    channels: np.ndarray  # (C, h, w) float32: intensity, 0 to about 1, in the order of settings.channels
    cause: np.ndarray  # (h, w) bool: what tells the classes apart, as settings.differ_by says, inside the cell


_FIBRE = 0.1  # intensity of actin bundles from which a pixel counts as fibre


def render_cell(settings: SyntheticSettings, cell: PlacedCell) -> RenderedCell:
    """Render a cell on a patch that is large enough for every cell of the slide.

    Parameters
    ----------
    settings : SyntheticSettings
    cell : PlacedCell

    Returns
    -------
    RenderedCell
    """
    rng = np.random.default_rng([3, *cell.key])
    appearance = appearance_of(settings, cancer=cell.cancer)
    reach = math.ceil(REACH * settings.diameter_px)
    top, left = math.floor(cell.y) - reach, math.floor(cell.x) - reach
    side = 2 * reach + 2
    grid = np.mgrid[0:side, 0:side].astype(np.float32) + np.float32([top - cell.y, left - cell.x])[:, None, None]
    direction = _direction(rng, shared_direction(settings), appearance.direction)
    form = (rng.uniform(*appearance.aspect), direction, appearance.roughness, appearance.smoothness)
    outline = _outline(rng, grid, cell.radius_px, form)
    inside, as_normal = outline < 1, deepcopy(rng)
    nucleus = _nucleus(rng, grid, cell, appearance, direction)
    # Where the nucleus alone tells the classes apart, cytoplasm lies around what it would be in a normal cell.
    bare = nucleus if settings.differ_by == "all" else _nucleus(as_normal, grid, cell, NORMAL, direction)
    planes = _planes(rng, outline, (nucleus, bare), _grain(rng, (side, side), settings.diameter_px), appearance)
    fibres, at = np.zeros_like(outline), grid[:, inside] / cell.radius_px
    fibres[inside] = _fibres(rng, *at, appearance, direction) * np.sqrt(np.maximum(1 - outline[inside] ** 2, 0))
    planes[0] += fibres
    cause = {"all": inside, "nucleus": inside & (nucleus < 1), "cytoskeleton": fibres > _FIBRE}[settings.differ_by]
    return RenderedCell(top, left, outline, planes[: settings.n_channels], cause)


def _direction(rng: np.random.Generator, around: float, spread: float | None) -> float:
    return rng.uniform(0, math.pi) if spread is None else around + rng.normal(0, spread)


def _outline(
    rng: np.random.Generator,
    grid: tuple[np.ndarray, np.ndarray],
    radius_px: float,
    form: tuple[float, float, float, float],
) -> np.ndarray:
    """Return the distance from the centre over the radius of the outline in that direction, (h, w) float32."""
    dy, dx = grid
    aspect, direction, roughness, smoothness = form
    angle = np.arctan2(dy, dx)
    along, across = np.cos(angle - direction), np.sin(angle - direction)
    ellipse = 1 / np.sqrt(along**2 / aspect + across**2 * aspect)
    waves = np.ones_like(ellipse)
    for k in range(2, 8):
        waves += rng.normal(0, roughness * (2 / k) ** smoothness) * np.cos(k * angle + rng.uniform(0, 2 * math.pi))
    return (np.hypot(dy, dx) / (radius_px * ellipse * np.clip(waves, 0.75, 1.25))).astype(np.float32)


def _nucleus(
    rng: np.random.Generator,
    grid: tuple[np.ndarray, np.ndarray],
    cell: PlacedCell,
    appearance: Appearance,
    direction: float,
) -> np.ndarray:
    shift = rng.normal(0, 0.08, 2) * cell.radius_px
    tilt = direction + rng.normal(0, appearance.nucleus_tilt)
    form = (rng.uniform(*appearance.nucleus_aspect), tilt, appearance.nucleus_roughness, 0.5)
    radius = rng.uniform(*appearance.nucleus) * cell.radius_px
    return _outline(rng, (grid[0] - np.float32(shift[0]), grid[1] - np.float32(shift[1])), radius, form)


def _grain(rng: np.random.Generator, shape: tuple[int, int], diameter_px: float) -> np.ndarray:
    """Return fine and coarse granularity, (2, h, w) float32 of unit variance."""
    grains = []
    for scale in (0.018, 0.06):
        field = gaussian_filter(rng.standard_normal(shape, dtype=np.float32), max(scale * diameter_px, 0.5))
        grains.append(field / max(float(field.std()), 1e-6))
    return np.stack(grains)


def _planes(
    rng: np.random.Generator,
    outline: np.ndarray,
    nuclei: tuple[np.ndarray, np.ndarray],
    grain: np.ndarray,
    appearance: Appearance,
) -> np.ndarray:
    """Return intensities of actin (without fibres), cytoplasm, nucleus and orange, (4, h, w) float32.

    Of `nuclei` the first is stained, and the cytoplasm lies around the second.
    """
    fine, coarse = grain
    nucleus, bare = nuclei
    stain = np.exp(rng.normal(0, [0.2, 0.2, appearance.brightness, 0.25])).astype(np.float32)
    dome = np.maximum(1 - outline**2, 0) ** 0.5
    core = np.clip((1 - bare) * 6, 0, 1)
    actin = 0.07 + 0.10 * dome * (1 + 0.2 * coarse) + 0.22 * np.exp(-(((outline - 0.95) / 0.05) ** 2))
    # Thin at the rim, thickest around the nucleus, as in spread adherent cells.
    thickness = 0.13 + 0.15 * dome + 0.42 * np.exp(-(np.maximum(bare - 0.9, 0) ** 1.3)) * dome
    cytoplasm = thickness * (1 + 0.12 * fine + 0.16 * coarse) * (1 - 0.35 * core)
    body = np.maximum(1 - nucleus**2, 0) ** 0.3 * (1 + appearance.chromatin * (0.6 * coarse + 0.4 * fine))
    dna = 0.62 * np.clip(body, 0, None) + 0.02 * dome
    around = np.exp(-(((bare - 1.35) / 0.45) ** 2))
    orange = 0.04 * dome + 0.4 * around * np.clip(fine + 0.3 * coarse, 0, None)
    return (np.stack([actin, cytoplasm, dna, orange]) * stain[:, None, None]).astype(np.float32)


def _fibres(
    rng: np.random.Generator, y: np.ndarray, x: np.ndarray, appearance: Appearance, direction: float
) -> np.ndarray:
    """Return the intensity of actin bundles at points of the cell, (n,) float32; `y`, `x` (n,) in cell radii."""
    light = np.zeros_like(x)
    for _ in range(appearance.n_fibres):
        angle = _direction(rng, direction, appearance.fibre_direction)
        centre = rng.uniform(-0.75, 0.75, 2)
        length, bend = rng.uniform(*appearance.fibre_length), rng.normal(0, appearance.bend)
        along = (x - centre[1]) * math.cos(angle) + (y - centre[0]) * math.sin(angle)
        across = (y - centre[0]) * math.cos(angle) - (x - centre[1]) * math.sin(angle) + bend * along**2
        strength = 0.30 * math.exp(rng.normal(0, 0.35))
        light += strength * np.exp(-((across / 0.035) ** 2) - (along / length) ** 4)
    return light.astype(np.float32)
