"""One picture of several planes of depth: their maximum, their mean, one of them, or the sharpest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from cellapp.errors import InputError
from cellapp.types.image import Region

_WINDOW_PX = 256
_WINDOWS = 3  # along each side: what is in focus in a ninth of the sample stands for its surroundings


def check_depth(depth: str, n_planes: int, name: str) -> str | None:
    """Check that a rule for depth fits a file, and say what it does.

    Parameters
    ----------
    depth : str
        As `cellapp.types.image.Selection` has it.
    n_planes : int
        Planes of the file.
    name : str
        Name of the file for messages.

    Returns
    -------
    str or None
        A sentence for the user; None for a file of one plane, which no rule changes.

    Raises
    ------
    InputError
        When the plane is not there.
    """
    if n_planes == 1:
        return None
    if not depth.isdecimal():
        how = {"max": "their maximum", "mean": "their mean", "sharpest": "the sharpest of them"}[depth]
        return f"{n_planes} planes of depth are shown and analysed as {how}."
    if int(depth) > n_planes:
        raise InputError(f"{name!r} has {n_planes} planes of depth, no plane {depth}; choose one of 1 to {n_planes}")
    return f"Plane {depth} of {n_planes} planes of depth is shown and analysed."


@dataclass(frozen=True, eq=False)
class Depth:
    """A rule that makes one plane of several, the same for every tile, channel and level of an image."""

    rule: str = "max"
    n_planes: int = 1  # at full resolution; smaller levels may have fewer
    find_sharpest: Callable[[], int] = int  # from 0, at full resolution; int() is 0

    def reduce(self, plane: Callable[[int], np.ndarray], n_planes: int, there: np.ndarray | None = None) -> np.ndarray:
        """Reduce the planes of one level.

        Parameters
        ----------
        plane : callable
            Decodes a plane by its number from 0, (C, Y, X).
        n_planes : int
            Planes of this level.
        there : ndarray of bool, shape (C, n_planes), optional
            Which planes of each channel the file holds: others count for nothing. Left out, all are there.

        Returns
        -------
        ndarray of shape (C, Y, X)
            In the type of the planes; means of integers are rounded half to even.
        """
        if n_planes == 1:
            return plane(0)
        if there is not None and not there.all() and self.rule in ("max", "mean"):
            return _of_those_there(plane, there, mean=self.rule == "mean")
        if self.rule == "max":
            return reduce(np.maximum, (plane(z) for z in range(n_planes)))
        if self.rule == "mean":
            return _mean(plane, n_planes)
        chosen = self.find_sharpest() if self.rule == "sharpest" else int(self.rule) - 1
        return plane(chosen * n_planes // self.n_planes)


def sharpest_plane(read: Callable[[int, Region], np.ndarray], planes: Sequence[int], shape: tuple[int, int]) -> int:
    """Find the plane that is most in focus: the largest variance of the Laplacian.

    Each channel counts the same whatever its brightness. See Pech-Pacheco et al., "Diatom autofocusing in brightfield
    microscopy", ICPR 2000.

    Parameters
    ----------
    read : callable
        Decodes a rectangle of a plane, given its number from 0: (C, Y, X).
    planes : sequence of int
        Numbers of the planes among which it is looked for.
    shape : tuple of int
        (Y, X) of the full level, from which at most nine windows of 256 px are read.

    Returns
    -------
    int
        One of `planes`; the first of equals.
    """
    windows = [Region(y, x, height, width) for y, height in _spans(shape[0]) for x, width in _spans(shape[1])]
    sharpness = np.stack([np.sum([_sharpness(read(z, box)) for box in windows], axis=0) for z in planes])
    of_each_channel = sharpness / np.maximum(sharpness.sum(axis=0), np.finfo(float).tiny)
    return planes[int(of_each_channel.sum(axis=1).argmax())]


def _mean(plane: Callable[[int], np.ndarray], n_planes: int) -> np.ndarray:
    first = plane(0)
    total = first.astype(np.float64)
    for z in range(1, n_planes):
        total += plane(z)
    return _rounded(total / n_planes, first.dtype)


def _of_those_there(plane: Callable[[int], np.ndarray], there: np.ndarray, *, mean: bool) -> np.ndarray:
    """Maximum or mean of the planes that each channel has; 0 in a channel that has none."""
    numbers = np.flatnonzero(there.any(axis=0))
    first = plane(int(numbers[0]) if len(numbers) else 0)
    found = np.zeros(first.shape, np.float64 if mean else first.dtype)
    seen = np.zeros(len(there), bool)
    for z in numbers:
        block, channels = plane(int(z)), there[:, z]
        new, again = channels & ~seen, channels & seen
        found[new] = block[new]
        found[again] = found[again] + block[again] if mean else np.maximum(found[again], block[again])
        seen |= channels
    return _rounded(found / np.maximum(there.sum(axis=1), 1)[:, None, None], first.dtype) if mean else found


def _rounded(means: np.ndarray, dtype: np.dtype) -> np.ndarray:
    return (means if dtype.kind == "f" else np.rint(means)).astype(dtype)


def _spans(length: int) -> Sequence[tuple[int, int]]:
    """Begin and length of windows spread evenly over a side; one window where they would touch."""
    if length <= _WINDOWS * _WINDOW_PX:
        return [(0, length)]
    return [(int((i + 0.5) * length / _WINDOWS) - _WINDOW_PX // 2, _WINDOW_PX) for i in range(_WINDOWS)]


def _sharpness(block: np.ndarray) -> np.ndarray:
    """Variance of the Laplacian of each channel of a (C, Y, X) block."""
    padded = np.pad(block.astype(np.float64), ((0, 0), (1, 1), (1, 1)), mode="edge")
    around = padded[:, :-2, 1:-1] + padded[:, 2:, 1:-1] + padded[:, 1:-1, :-2] + padded[:, 1:-1, 2:]
    return (around - 4 * padded[:, 1:-1, 1:-1]).var(axis=(1, 2))
