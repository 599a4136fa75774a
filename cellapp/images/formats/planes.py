"""Planes that a file declares but does not hold: an acquisition that was stopped, a number that is wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cellapp.errors import InputError
from cellapp.images.formats.axes import Layout


@dataclass(frozen=True, eq=False)
class Present:
    """What there is of the channels, time points and planes of depth that a file declares."""

    n_times: int  # up to the last of which there is a plane
    channels: tuple[int, ...] | None = None  # of which there is a plane, from 0; None: all
    notes: tuple[str, ...] = ()
    planes: np.ndarray | None = None  # (T, C, Z) bool, of all that is declared: whether it is there; None: all are

    def named(self, names: Sequence[str]) -> list[str]:
        """Pick the names of the channels that are there from those of all; other lists are returned as they are."""
        if self.channels is None or not self.channels or max(self.channels) >= len(names):
            return list(names)
        return [names[channel] for channel in self.channels]


def present(
    there: Sequence[bool] | np.ndarray, layout: Layout, position: int, name: str, depth: str = "max"
) -> Present:
    """Find what there is of an image.

    Parameters
    ----------
    there : sequence of bool
        Whether each plane is in the file, in the order of the axes.
    layout : Layout
        The axes that are declared.
    position : int
        Which of several positions is meant.
    name : str
        Name of the file for messages.
    depth : str
        Rule for depth, see `cellapp.types.image.Selection`.

    Returns
    -------
    Present
        Channels and last time points without any plane are left out. Single planes that are missing count for nothing
        where planes of depth become one, and read as 0 elsewhere. `notes` says all of it.

    Raises
    ------
    InputError
        When no plane is there, or nothing of the plane of depth that was chosen.
    """
    planes = _declared(there, layout, position)
    if planes is None:
        return Present(layout.size("T"))
    if not planes.any():
        raise InputError(f"{name!r} declares {planes.size:,} planes but holds none of them; export it again")
    times, channels = np.flatnonzero(planes.any((1, 2))), np.flatnonzero(planes.any((0, 2)))
    kept = planes[: times[-1] + 1, channels]
    notes = []
    if len(channels) < planes.shape[1]:
        notes.append(
            f"The file declares {planes.shape[1]} channels and holds {len(channels)}; the others are left out."
        )
    if len(kept) < len(planes):
        notes.append(f"The file declares {len(planes)} time points and ends with number {len(kept)}.")
    n_samples = layout.size("S")
    numbers = tuple(int(c) * n_samples + s for c in channels for s in range(n_samples))
    return Present(
        len(kept),
        numbers if len(channels) < planes.shape[1] else None,
        (*notes, *missing_planes(kept, name, depth)),
        planes.repeat(n_samples, axis=1),
    )


def _declared(there: Sequence[bool] | np.ndarray, layout: Layout, position: int) -> np.ndarray | None:
    """Return which planes of a position are there, (T, C, Z); None where all are, or it is not known of each."""
    letters = [letter for letter in layout.axes if letter not in "SYX"]
    planes = np.asarray(there, bool).ravel()
    if planes.all() or planes.size != math.prod(layout.size(letter) for letter in letters):
        return None
    planes = planes.reshape([layout.size(letter) for letter in letters])
    if "P" in letters:
        planes = planes.take([position], axis=letters.index("P"))
    return _as_tcz(planes, letters)


def missing_planes(there: np.ndarray, name: str, depth: str) -> tuple[str, ...]:
    """Say how many planes of an image are missing, and what becomes of them.

    Parameters
    ----------
    there : ndarray of bool, shape (T, C, Z)
    name : str
        Name of the file for messages.
    depth : str
        Rule for depth, see `cellapp.types.image.Selection`.

    Raises
    ------
    InputError
        When nothing is there of the plane of depth that was chosen.
    """
    if there.all():
        return ()
    told = f"{int((~there).sum()):,} of {there.size:,} planes are not in the file"
    n_planes = there.shape[2]
    if depth.isdecimal() and n_planes > 1:
        chosen = there[..., min(int(depth), n_planes) - 1]
        if not chosen.any():
            numbers = ", ".join(str(z + 1) for z in np.flatnonzero(there.any((0, 1))))
            raise InputError(f"{name!r} declares {n_planes} planes of depth and lacks plane {depth}; it has {numbers}")
        n_lacking = int((~chosen).sum())
        return (f"{told}; plane {depth} is missing in {n_lacking:,} of {chosen.size:,} places and reads as 0 there.",)
    if n_planes == 1:
        return (f"{told} and read as 0.",)
    if not there.any(2).all():
        told += ", and a channel of which none is there reads as 0"
    return (f"{told}; depth is reduced without them.",)


def _as_tcz(planes: np.ndarray, letters: Sequence[str]) -> np.ndarray:
    """Put the axes of planes into the order (T, C, Z); all others are of length 1."""
    order = [letters.index(letter) for letter in "TCZ" if letter in letters]
    order += [i for i in range(planes.ndim) if i not in order]
    shape = [planes.shape[letters.index(letter)] if letter in letters else 1 for letter in "TCZ"]
    return planes.transpose(order).reshape(shape)
