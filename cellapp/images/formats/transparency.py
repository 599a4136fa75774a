"""Whether a last sample that a file calls transparency (alpha) is that, or a stain that was stored in its place."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from cellapp.images.formats.axes import Layout, StoredArray

_WINDOW_PX, _EACH_WAY = 128, 3
_OPAQUE_SHARE = 0.5
_EVEN, _RANGE = 0.02, 0.1


def last_sample(stored: StoredArray, layout: Layout) -> list[np.ndarray]:
    """Decode windows of the last sample, spread evenly over an image.

    Parameters
    ----------
    stored : StoredArray
    layout : Layout
        Its axes; of all others than S, Y and X the first place is looked at.

    Returns
    -------
    list of ndarray of shape (y, x)
        Nine windows of at most 128 px, of the stored type.
    """
    sides = []
    for length in layout.cyx[1:]:
        side = min(_WINDOW_PX, length)
        starts = {(length - side) * at // (_EACH_WAY - 1) for at in range(_EACH_WAY)}
        sides.append([slice(start, start + side) for start in sorted(starts)])
    windows = []
    last = layout.size("S") - 1
    colours = tuple(i for i, letter in enumerate(a for a in layout.axes if a in "CSYX") if letter in "CS")
    for rows, columns in product(*sides):
        place = {"C": slice(0, 1), "S": slice(last, last + 1), "Y": rows, "X": columns}
        window = np.asarray(stored[tuple(place.get(letter, 0) for letter in layout.axes)])
        windows.append(window.squeeze(colours))
    return windows


def is_opaque(windows: Sequence[np.ndarray], top: float) -> bool:
    """Whether all pixels have full opacity, `top`."""
    return all(bool((window == top).all()) for window in windows)


def is_transparency(windows: Sequence[np.ndarray], top: float) -> bool:
    """Whether a sample that is declared as transparency can be that.

    Parameters
    ----------
    windows : sequence of ndarray
        Of `last_sample`.
    top : float
        The number for full opacity.

    Returns
    -------
    bool
        False only for a picture of its own: the sample varies, less than half of its pixels above 0 are fully opaque,
        and it does not change evenly, by at most 2 % of `top` from pixel to pixel, as a shade does.
    """
    values = np.concatenate([window.ravel() for window in windows]).astype(np.float64)
    if values.min() == values.max():
        return True
    seen = values[values > 0]
    if (seen >= top).mean() >= _OPAQUE_SHARE:
        return True
    steps = [np.abs(np.diff(w.astype(np.float64), axis=axis)).max(initial=0) for w in windows for axis in (0, 1)]
    return max(steps) <= _EVEN * top and np.ptp(values) >= _RANGE * top
