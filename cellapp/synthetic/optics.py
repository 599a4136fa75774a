"""Contrast of cells without stain, from their optical thickness: phase contrast, DIC, bright field, quantitative phase.

The models keep what an outline has to be read from: the halo and shade-off of phase contrast (the thickness less its
surroundings, Yin et al. 2012), the shadow of DIC (its gradient in the direction of shear, Arnison et al. 2004) and the
rims of transparent cells out of focus (its Laplacian, the transport of intensity, Teague 1983).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, zoom

FULL_SCALE = 60000  # of the simulated camera


def phase_contrast(thickness: np.ndarray, halo_px: float, shade_off: float) -> np.ndarray:
    """Return positive phase contrast with cells bright: the thickness less a share of it, blurred.

    Parameters
    ----------
    thickness : ndarray of shape (Y, X), float
    halo_px : float
        Width of the halo.
    shade_off : float
        0 to 1: how much of the even middle of a cell fades to the background.

    Returns
    -------
    ndarray of shape (Y, X), float
        0 where nothing is; its negative is negative phase contrast.
    """
    return thickness - shade_off * gaussian_filter(thickness, halo_px)


def differential_interference(thickness: np.ndarray, direction: float, resolution_px: float = 1.0) -> np.ndarray:
    """Return DIC: the slope of the thickness in the direction of shear.

    Parameters
    ----------
    thickness : ndarray of shape (Y, X), float
    direction : float
        Radians; 0 is along columns.
    resolution_px : float
        Width of the point spread.

    Returns
    -------
    ndarray of shape (Y, X), float
        Its sign changes with `direction` by half a turn.
    """
    slope_y, slope_x = (gaussian_filter(thickness, resolution_px, order=order) for order in ((1, 0), (0, 1)))
    return math.sin(direction) * slope_y + math.cos(direction) * slope_x


def defocused_bright_field(thickness: np.ndarray, defocus_px: float) -> np.ndarray:
    """Return bright field out of focus: bright where thickness curves up, such as around the rim of a cell.

    Parameters
    ----------
    thickness : ndarray of shape (Y, X), float
    defocus_px : float
        Width of the rims; on the other side of focus the sign changes.

    Returns
    -------
    ndarray of shape (Y, X), float
    """
    second_y, second_x = (gaussian_filter(thickness, defocus_px, order=order) for order in ((2, 0), (0, 2)))
    return second_y + second_x


@dataclass(frozen=True)
class Exposure:
    """What the camera adds to the contrast, in standard deviations of the contrast."""

    drift: float = 0.5  # slow change of the background
    texture: float = 0.1  # fine unevenness of the support
    noise: float = 0.15
    offset: float = 0.5  # brightness of the background, share of the camera's range
    gain: float = 0.1  # share of the camera's range that a standard deviation fills


def expose(contrast: np.ndarray, exposure: Exposure, rng: np.random.Generator) -> np.ndarray:
    """Record a contrast with a camera of 16 bit.

    Parameters
    ----------
    contrast : ndarray of shape (Y, X), float
    exposure : Exposure
    rng : numpy Generator

    Returns
    -------
    ndarray of shape (Y, X), uint16
    """
    shape = contrast.shape
    spread = float(contrast.std()) or 1.0
    signal = contrast / spread + exposure.drift * _slow_field(shape, rng)
    texture = gaussian_filter(rng.standard_normal(shape, dtype=np.float32), rng.uniform(0.8, 3))
    signal = signal + exposure.texture * texture / max(float(texture.std()), 1e-6)
    signal = signal + exposure.noise * rng.standard_normal(shape, dtype=np.float32)
    return np.rint(FULL_SCALE * np.clip(exposure.offset + exposure.gain * signal, 0, 1)).astype(np.uint16)


def _slow_field(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Return a smooth field of unit spread, (Y, X)."""
    coarse = rng.standard_normal((4, 4))
    field = zoom(coarse, [length / 4 for length in shape], order=3, mode="nearest", grid_mode=True)
    return (field - field.mean()) / max(float(field.std()), 1e-6)
