"""From indices, inks and other colour spaces to red, green and blue, and which tables are for display only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cellapp.images.formats.samples import Conversion, Samples

_FEWEST_OF_A_DISPLAY_TABLE = 64
_FEWEST_OF_ONE_HUE = 16
_ALL_GRAYS = 256
_MARKED_ENDS = 2
_STRIDE, _SMOOTH = 8, 0.9


def is_display_table(table: np.ndarray) -> bool:
    """Whether a table of colours was laid over the values of one stain, rather than made for a picture's colours.

    Parameters
    ----------
    table : ndarray of shape (N, 3)
        Red, green and blue of each index.

    Returns
    -------
    bool
        True for tables that run through their colours evenly, so that a higher index is a higher value:

        - 256 grays or more, at least 64 of them different, that never fall;
        - 16 different colours or more of which red, green and blue each only rise or only fall: one hue;
        - 64 different colours or more along a smooth curve: its length, summed over red, green and blue, shrinks by
          less than a tenth when only every eighth colour is looked at. Tables made for photographs jump from one
          colour to the next and lose a quarter and more.

        Two indices at each end may have other colours, which mark what is too dark and too bright.
    """
    colours = np.asarray(table, dtype=np.int64)
    n_colours = len(np.unique(colours, axis=0))
    if _is_gray(colours[_MARKED_ENDS:-_MARKED_ENDS]):
        never_falls = (np.diff(colours[_MARKED_ENDS:-_MARKED_ENDS, 0]) >= 0).all()
        return bool(never_falls and n_colours >= _FEWEST_OF_A_DISPLAY_TABLE and len(colours) >= _ALL_GRAYS)
    inner = _without_padding(colours)[_MARKED_ENDS:-_MARKED_ENDS]
    steps = np.diff(inner, axis=0)
    if n_colours >= _FEWEST_OF_ONE_HUE and ((steps >= 0).all(axis=0) | (steps <= 0).all(axis=0)).all():
        return True
    if n_colours < _FEWEST_OF_A_DISPLAY_TABLE:
        return False
    sparse = np.diff(inner[np.unique(np.r_[0 : len(inner) : _STRIDE, len(inner) - 1])], axis=0)
    return bool(np.abs(sparse).sum() >= _SMOOTH * np.abs(steps).sum())


def with_table(samples: Samples, table: np.ndarray) -> Samples:
    """Return the meaning of indices: values as they are where the table is for display only, else its colours."""
    if is_display_table(table):
        return samples
    conversion = by_table(table)
    what = "red, green and blue" if conversion.n_channels == 3 else "the gray values they stand for"
    return replace(samples, conversion=conversion, bits=None).told(f"Its indexed colours are read as {what}.")


def by_table(table: np.ndarray) -> Conversion:
    """Give each index its colour; one gray channel where all colours are gray.

    Parameters
    ----------
    table : ndarray of shape (N, 3), uint8 or uint16
        Indices beyond its end get its last colour.
    """
    channels = np.ascontiguousarray(table[:, :1] if _is_gray(table) else table).T
    last = channels.shape[1] - 1

    def look_up(indices: np.ndarray) -> np.ndarray:
        return channels[:, np.minimum(indices[0], last)]

    return Conversion(look_up, len(channels), table.dtype.name)


def from_inks(dtype: str, top: float) -> Conversion:
    """Convert cyan, magenta, yellow and black, in which `top` is full ink, without the profile of a printer."""
    kind = np.dtype(dtype)

    def convert(inks: np.ndarray) -> np.ndarray:
        white = 1 - np.clip(inks[:4].astype(np.float64) / top, 0, 1)
        light = white[:3] * white[3] * top
        return (np.rint(light) if kind.kind in "ui" else light).astype(kind)

    return Conversion(convert, 3, dtype)


def from_luma(coefficients: Sequence[float], reference: Sequence[float]) -> Conversion:
    """Convert 8-bit luma and two differences of colour (YCbCr).

    Parameters
    ----------
    coefficients : three floats
        Shares of red, green and blue in the luma (TIFF 6.0, section 21).
    reference : six floats
        Stored numbers of black and white of each sample.
    """
    red, green, blue = coefficients
    black, white = np.asarray(reference, dtype=np.float64).reshape(3, 2).T[:, :, None, None]
    spans = np.array([255.0, 127.0, 127.0])[:, None, None]

    def convert(stored: np.ndarray) -> np.ndarray:
        y, cb, cr = (stored[:3] - black) * spans / (white - black)
        r, b = y + cr * (2 - 2 * red), y + cb * (2 - 2 * blue)
        return np.rint(np.clip([r, (y - blue * b - red * r) / green, b], 0, 255)).astype(np.uint8)

    return Conversion(convert, 3, "uint8")


def straight(n_colours: int, dtype: str, top: float) -> Conversion:
    """Undo the multiplication of colours with their opacity, the last sample; what is wholly transparent stays 0."""
    kind = np.dtype(dtype)

    def convert(stored: np.ndarray) -> np.ndarray:
        opacity = stored[-1].astype(np.float64) / top
        colours = np.clip(stored[:-1] / np.where(opacity > 0, opacity, 1), 0, top)
        return (np.rint(colours) if kind.kind in "ui" else colours).astype(kind)

    return Conversion(convert, n_colours, dtype)


def _is_gray(table: np.ndarray) -> bool:
    return bool((table == table[:, :1]).all())


def _without_padding(table: np.ndarray) -> np.ndarray:
    """Leave out the equal entries with which writers fill a table up to a power of two."""
    differs = np.flatnonzero((table != table[-1]).any(axis=1))
    return table[: differs[-1] + 2] if differs.size else table[:1]
