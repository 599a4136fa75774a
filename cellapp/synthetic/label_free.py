"""Draw an image of cells without stain from a seed: outlines, thickness, one of four contrasts, and a camera."""

from __future__ import annotations

import math
from enum import StrEnum

import numpy as np
from scipy.ndimage import gaussian_filter

from cellapp.synthetic.optics import (
    Exposure,
    defocused_bright_field,
    differential_interference,
    expose,
    phase_contrast,
)
from cellapp.synthetic.outlines import Culture, draw_outlines
from cellapp.synthetic.thickness import Relief, draw_thickness


class Contrast(StrEnum):
    """How thickness becomes brightness."""

    PHASE = "phase"
    DIC = "dic"
    BRIGHTFIELD = "brightfield"
    QUANTITATIVE = "quantitative"


_NUMBER = {contrast: at for at, contrast in enumerate(Contrast)}
RADIUS_PX = (14.0, 38.0)


def render_label_free(contrast: Contrast, seed: int, side_px: int = 320) -> tuple[np.ndarray, np.ndarray]:
    """Draw an image and its truth; equal arguments give equal arrays.

    Parameters
    ----------
    contrast : Contrast
    seed : int
    side_px : int
        Rows and columns.

    Returns
    -------
    pixels : ndarray of shape (1, Y, X), uint16
    labels : ndarray of shape (Y, X), int32
        Ids 1..n without gaps.
    """
    rng = np.random.default_rng([seed, _NUMBER[contrast]])
    culture = draw_culture(rng)
    labels, rounded = draw_outlines(culture, (side_px, side_px), rng)
    thickness = draw_thickness(labels, rounded, draw_relief(rng), rng) + draw_debris(labels.shape, rng)
    return expose(draw_contrast(contrast, thickness, culture.radius_px, rng), draw_exposure(rng), rng)[None], labels


def draw_culture(rng: np.random.Generator) -> Culture:
    """Draw how cells are shaped and spread, from sparse to confluent and from discs to spindles."""
    return Culture(
        radius_px=rng.uniform(*RADIUS_PX),
        density=rng.uniform(0.15, 0.85),
        elongation=rng.uniform(1, 3),
        spikes=int(rng.integers(0, 4)),
        rounded=rng.choice([0.0, rng.uniform(0, 0.25), 1.0], p=[0.3, 0.6, 0.1]),
        aligned=rng.uniform(0, 1),
    )


def draw_relief(rng: np.random.Generator) -> Relief:
    """Draw how thickness rises: from sheets with a steep rim to domes, smooth or full of granules."""
    return Relief(
        plateau=rng.uniform(0.15, 1.0),
        power=rng.uniform(0.35, 0.8),
        nucleus=rng.choice([-1, 1], p=[0.3, 0.7]) * rng.uniform(0.1, 0.5),
        grains=0.5 * rng.uniform(0.15, 1) ** 2,
    )


def draw_contrast(contrast: Contrast, thickness: np.ndarray, radius_px: float, rng: np.random.Generator) -> np.ndarray:
    """Draw the image of a thickness under a contrast with random optics, (Y, X) float.

    Parameters
    ----------
    contrast : Contrast
    thickness : ndarray of shape (Y, X), float
    radius_px : float
        Of a typical cell; halos go by it.
    rng : numpy Generator
    """
    if contrast is Contrast.PHASE:
        return rng.choice([-1, 1]) * phase_contrast(thickness, rng.uniform(0.3, 0.9) * radius_px, rng.uniform(0.6, 1))
    if contrast is Contrast.DIC:
        return differential_interference(thickness, rng.uniform(0, 2 * math.pi), rng.uniform(0.7, 1.8))
    if contrast is Contrast.BRIGHTFIELD:
        rims = _unit(defocused_bright_field(thickness, rng.uniform(1.2, 3)))
        return rng.choice([-1, 1]) * rims - rng.uniform(0, 0.5) * _unit(thickness)  # cells absorb a little
    return thickness


def _unit(plane: np.ndarray) -> np.ndarray:
    return plane / (float(plane.std()) or 1.0)


def draw_debris(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Draw the thickness of a few specks that are no cells, (Y, X) float32."""
    specks = np.zeros(shape, np.float32)
    for _ in range(rng.integers(0, 12)):
        speck = np.zeros(shape, np.float32)
        speck[rng.integers(shape[0]), rng.integers(shape[1])] = 1
        speck = gaussian_filter(speck, rng.uniform(1.0, 3.0), truncate=3)
        specks += rng.uniform(0.3, 1.2) * speck / max(float(speck.max()), 1e-6)
    return specks


def draw_exposure(rng: np.random.Generator) -> Exposure:
    """Draw what the camera adds."""
    return Exposure(
        drift=rng.uniform(0, 1.2),
        texture=rng.uniform(0, 0.3),
        noise=rng.uniform(0.02, 0.35),
        offset=rng.uniform(0.3, 0.6),
        gain=rng.uniform(0.03, 0.12),
    )
