"""Planes that a file declares but does not hold: an acquisition that was stopped, a number that is wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cellapp.errors import InputError
from cellapp.images.formats.axes import Layout


@dataclass(frozen=True)
class Present:
    """What there is of the channels and time points that a file declares."""

    n_times: int  # up to the last of which there is a plane
    channels: tuple[int, ...] | None = None  # of which there is a plane, from 0; None: all
    notes: tuple[str, ...] = ()

    def named(self, names: Sequence[str]) -> list[str]:
        """Pick the names of the channels that are there from those of all; other lists are returned as they are."""
        if self.channels is None or not self.channels or max(self.channels) >= len(names):
            return list(names)
        return [names[channel] for channel in self.channels]


def present(there: Sequence[bool], layout: Layout, position: int, name: str) -> Present:
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

    Returns
    -------
    Present
        Channels and last time points without any plane are left out; single planes that are missing read as 0. `notes`
        says both.

    Raises
    ------
    InputError
        When no plane is there.
    """
    letters = [letter for letter in layout.axes if letter not in "SYX"]
    if all(there) or len(there) != math.prod(layout.size(letter) for letter in letters):
        return Present(layout.size("T"))
    planes = np.asarray(there).reshape([layout.size(letter) for letter in letters])
    if "P" in letters:
        planes = planes.take([position], axis=letters.index("P"))
    if not planes.any():
        raise InputError(f"{name!r} declares {planes.size:,} planes but holds none of them; export it again")
    channels, times = (_with_any(planes, letters, letter) for letter in "CT")
    kept = planes.take(channels, axis=letters.index("C")) if "C" in letters else planes
    kept = kept.take(range(times[-1] + 1), axis=letters.index("T")) if "T" in letters else kept
    notes = []
    if len(channels) < layout.size("C"):
        notes.append(
            f"The file declares {layout.size('C')} channels and holds {len(channels)}; the others are left out."
        )
    if times[-1] + 1 < layout.size("T"):
        notes.append(f"The file declares {layout.size('T')} time points and ends with number {times[-1] + 1}.")
    if not kept.all():
        notes.append(f"{int((~kept).sum()):,} of {kept.size:,} planes are not in the file and read as 0.")
    n_samples = layout.size("S")
    numbers = tuple(c * n_samples + s for c in channels for s in range(n_samples))
    return Present(times[-1] + 1, numbers if len(channels) < layout.size("C") else None, tuple(notes))


def _with_any(planes: np.ndarray, letters: list[str], letter: str) -> list[int]:
    if letter not in letters:
        return [0]
    others = tuple(i for i, each in enumerate(letters) if each != letter)
    return np.flatnonzero(planes.any(axis=others)).tolist()
