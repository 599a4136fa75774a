"""Whole synthetic cells for pretraining: fluorescence as the program renders it, and transmitted light."""

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
    """Render a slide and cut its whole cells by the truth.

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
        planes[1] = transmit(planes[1], planes[2], settings.diameter_px, rng)
    whole = clear_border(truth.astype(np.int64))
    kept = [int(cell_id) for cell_id in np.unique(whole) if cell_id]
    labels = np.where(whole > 0, np.searchsorted(kept, whole) + 1, 0)  # from 1 without gaps
    windows = cut_windows(planes, labels, range(1, len(kept) + 1))
    return windows, [f"synthetic {classes[cell_id]}" for cell_id in kept], f"slide {seed}"


def slide_settings(seed: int, *, side_px: int = 512) -> SyntheticSettings:
    """Choose a slide that no head and no test of one has."""
    return random_settings(_SEEDS + seed, side_px=side_px)


def transmit(body: np.ndarray, nucleus: np.ndarray, diameter_px: float, rng: np.random.Generator) -> np.ndarray:
    """Photograph a field in transmitted light, from stains that stand in for its thickness.

    Differential interference contrast shows the slope of the optical path in one direction; phase contrast shows the
    path itself, less its own blurred picture, which is the bright halo around cells. Bright field out of focus shows
    the path's curvature.

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
    way = rng.integers(3)
    if way == 0:
        angle = rng.uniform(0, 2 * math.pi)
        picture = math.cos(angle) * sobel(path, 1) + math.sin(angle) * sobel(path, 0)
    elif way == 1:
        picture = gaussian_filter(path, _HALO * diameter_px) - path
    else:
        picture = gaussian_filter(path, 1.5) - gaussian_filter(path, 3.5)
    picture = picture * (0.5 / max(float(np.percentile(np.abs(picture), 99.5)), 1e-6))
    noise = rng.uniform(0.01, 0.05) * rng.standard_normal(body.shape, dtype=np.float32)
    return np.clip(0.5 + rng.uniform(0.5, 1.0) * picture + noise, 0, 1).astype(np.float32)
