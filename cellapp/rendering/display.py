"""Render raw pixels for display: channels in colour, stretched between percentiles. Nothing is measured on these."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from skimage.transform import resize_local_mean

from cellapp.images.channels import assign_channels, is_photo
from cellapp.images.sampling import read_at_most
from cellapp.rendering.colours import channel_colours
from cellapp.rendering.colours import rgb as split_rgb
from cellapp.types.image import Role, Slide

_PERCENTILES = (0.1, 99.9)
_SAMPLED_PIXELS = 1_000_000


def default_window(pixels: np.ndarray, roles: Sequence[Role] = ()) -> tuple[tuple[float, float], ...]:
    """Return the pixel values shown as black and as full colour, per channel.

    Parameters
    ----------
    pixels : ndarray of shape (C, Y, X)
        Raw pixels, any dtype; an overview does.
    roles : sequence of Role, optional
        What each shows: the colours of an 8-bit photo give (0, 255), so that it is shown as it is.

    Returns
    -------
    tuple of (low, high)
        The 0.1 and 99.9 percentiles of finite pixels; a constant channel gets a window one wide.
    """
    if is_photo(roles) and pixels.dtype == np.uint8:
        return ((0.0, 255.0),) * 3
    return tuple(_window(plane) for plane in pixels)


def _window(plane: np.ndarray) -> tuple[float, float]:
    values = plane.ravel()[:: max(plane.size // _SAMPLED_PIXELS, 1)].astype(np.float64)
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 1.0
    low, high = (float(v) for v in np.percentile(values, _PERCENTILES))
    return (low, high) if high > low else (low, low + 1.0)


def to_display(
    pixels: np.ndarray,
    colours: Sequence[str],
    windows: Sequence[tuple[float, float]],
    *,
    gamma: float | Sequence[float] = 1.0,
    hidden: Collection[int] = (),
) -> np.ndarray:
    """Add up the channels, each in its colour.

    Parameters
    ----------
    pixels : ndarray of shape (C, Y, X)
        Raw pixels, any dtype; NaN is shown as black.
    colours : sequence of str
        "#RRGGBB" per channel.
    windows : sequence of (low, high)
        Pixel values shown as black and as full colour, per channel.
    gamma : float or sequence of float
        Exponent of brightness, of all channels or of each; below 1 lifts the dark.
    hidden : collection of int
        Channel positions left out.

    Returns
    -------
    ndarray of shape (Y, X, 3), uint8
    """
    picture = np.zeros((*pixels.shape[1:], 3), dtype=np.float32)
    exponents = [gamma] * len(pixels) if isinstance(gamma, int | float) else gamma
    for i, (plane, colour, (low, high), exponent) in enumerate(zip(pixels, colours, windows, exponents, strict=True)):
        if i in hidden:
            continue
        values = plane.astype(np.float32)
        if not np.issubdtype(plane.dtype, np.integer):
            values = np.nan_to_num(values, nan=low)
        level = (values - low) / max(high - low, np.finfo(np.float32).tiny)
        np.clip(level, 0, 1, out=level)
        if exponent != 1.0:
            level **= exponent
        for k, part in enumerate(split_rgb(colour)):
            picture[..., k] += level * part
    return np.rint(np.clip(picture, 0, 255)).astype(np.uint8)


def thumbnail(slide: Slide, max_px: int = 256) -> np.ndarray:
    """Return a small picture of a slide, (Y, X, 3) uint8, no side longer than `max_px`, in default colours."""
    pixels, _ = read_at_most(slide, 4 * max_px)
    names, roles = assign_channels(slide.info, {})
    picture = to_display(pixels, channel_colours(names, roles), default_window(pixels, roles))
    scale = min(max_px / max(picture.shape[:2]), 1.0)
    if scale == 1.0:
        return picture
    shape = tuple(max(round(n * scale), 1) for n in picture.shape[:2])
    return np.rint(resize_local_mean(picture, shape, channel_axis=-1, preserve_range=True)).astype(np.uint8)
