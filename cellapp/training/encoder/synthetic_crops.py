"""Crops of synthetic cells for pretraining, in fluorescence and in simulated transmitted light."""

from __future__ import annotations

import math

import numpy as np
from scipy.ndimage import gaussian_filter, sobel
from skimage.segmentation import clear_border

from cellapp.images.preprocess import Preprocessor
from cellapp.settings import PreprocessSettings
from cellapp.synthetic.field import as_slide, render_field
from cellapp.synthetic.settings import SyntheticSettings
from cellapp.training.encoder.crop_dataset import cut_windows
from cellapp.training.synthetic_cells import random_settings

_SEEDS = 5_000_000  # of no other use
_TRANSMITTED = 2 / 3  # share of slides
_HALO = 0.12  # width of the halo of phase contrast, cell diameters


def render_cells(seed: int, *, side_px: int = 512) -> tuple[np.ndarray, list[str], str]:
    """Render a slide and cut its cells by their true masks.

    Two slides of three have a transmitted-light picture in place of the cytoplasm stain. Cells at the border are left
    out.

    Parameters
    ----------
    seed : int
    side_px : int

    Returns
    -------
    windows : ndarray of shape (N, 4, S, S), uint8
    labels : list of str
        "synthetic normal" or "synthetic cancer".
    group : str
        Name of the slide.
    """
    settings, rng = slide_settings(seed, side_px=side_px), np.random.default_rng([_SEEDS, seed])
    raw, truth, classes = render_field(settings)
    planes = Preprocessor.fit(as_slide(raw, settings), PreprocessSettings()).apply(raw)[:3]
    if rng.random() < _TRANSMITTED:
        planes[1] = transmitted_light(planes[1], planes[2], settings.diameter_px, rng)
    labels = clear_border(truth.astype(np.int64))
    cell_ids = [int(cell_id) for cell_id in np.unique(labels) if cell_id]
    windows = cut_windows(planes, labels, cell_ids)
    return windows, [f"synthetic {classes[cell_id]}" for cell_id in cell_ids], f"slide {seed}"


def slide_settings(seed: int, *, side_px: int = 512) -> SyntheticSettings:
    """Draw a slide whose seed no head is trained or tested on."""
    return random_settings(_SEEDS + seed, side_px=side_px)


def transmitted_light(
    body: np.ndarray, nucleus: np.ndarray, diameter_px: float, rng: np.random.Generator
) -> np.ndarray:
    """Simulate transmitted light from stains, which stand in for the thickness of the cells.

    One of three methods, at random: differential interference contrast is the slope of the optical path in one
    direction; phase contrast is the path less its blurred self, which makes the bright halo around cells; bright field
    out of focus is the curvature of the path.

    Parameters
    ----------
    body, nucleus : ndarray of shape (Y, X), float32
        Cytoplasm and nucleus, 0 to 1.
    diameter_px : float
        Of an average cell.
    rng : numpy Generator

    Returns
    -------
    ndarray of shape (Y, X), float32
        0 to 1, the background around 0.5.
    """
    grain = gaussian_filter(rng.standard_normal(body.shape, dtype=np.float32), rng.uniform(0.7, 1.6))
    path = gaussian_filter(body + rng.uniform(0, 0.6) * nucleus, 1.0)
    path = path * (1 + rng.uniform(0.1, 0.6) * grain)
    method = rng.integers(3)
    if method == 0:
        angle = rng.uniform(0, 2 * math.pi)
        picture = math.cos(angle) * sobel(path, 1) + math.sin(angle) * sobel(path, 0)
    elif method == 1:
        picture = gaussian_filter(path, _HALO * diameter_px) - path
    else:
        picture = gaussian_filter(path, 1.5) - gaussian_filter(path, 3.5)
    picture = picture * (0.5 / max(float(np.percentile(np.abs(picture), 99.5)), 1e-6))
    noise = rng.uniform(0.01, 0.05) * rng.standard_normal(body.shape, dtype=np.float32)
    return np.clip(0.5 + rng.uniform(0.5, 1.0) * picture + noise, 0, 1).astype(np.float32)
