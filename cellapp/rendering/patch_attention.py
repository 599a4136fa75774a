"""Patches of an image as a network weighs them, drawn on the image."""

from __future__ import annotations

import numpy as np

from cellapp.rendering.colours import rgb

ATTENTION_COLOUR = "#E69F00"
_MOST_FILL, _MOST_PX = 0.4, 1200


def attention_picture(plane: np.ndarray, corners: np.ndarray, side_px: int, weights: np.ndarray) -> np.ndarray:
    """Draw patches on an image: the fuller and the brighter its frame, the more a patch weighs.

    Parameters
    ----------
    plane : ndarray of shape (Y, X)
        0 to 1.
    corners : ndarray of shape (P, 2), int
        y and x.
    side_px : int
        Side of a patch.
    weights : ndarray of shape (P,)
        0 or more; the greatest is drawn in full.

    Returns
    -------
    ndarray of shape (y, x, 3), uint8
        At most 1,200 px wide and high: of a larger image every n-th pixel.
    """
    step = max(1, -(-max(plane.shape) // _MOST_PX))
    grey = np.rint(255 * np.clip(plane[::step, ::step], 0, 1)).astype(np.float32)
    picture, colour = np.repeat(grey[..., None], 3, axis=2), np.array(rgb(ATTENTION_COLOUR), np.float32)
    line = max(1, max(grey.shape) // 400)
    shares = np.asarray(weights, np.float64) / max(float(np.max(weights, initial=0.0)), 1e-12)
    for (y, x), share in sorted(zip(corners // step, shares, strict=True), key=lambda pair: pair[1]):
        square = picture[y : y + side_px // step, x : x + side_px // step]
        framed = np.ones(square.shape[:2], bool)
        framed[line:-line, line:-line] = False
        opacity = np.where(framed, 0.25 + 0.75 * share, _MOST_FILL * share)[..., None]
        square += opacity * (colour - square)
    return np.rint(picture).astype(np.uint8)
