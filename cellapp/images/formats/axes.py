"""What the axes of a stored array mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from cellapp.errors import InputError
from cellapp.images.formats.depth import check_depth

MOST_CHANNELS_GUESSED = 16
"""An unnamed axis is read as channels up to this length; a longer one must be named in the file."""

_PAGES_EXPLAINED = 4
"""An unnamed axis of up to this length is taken for channels with a word; of a longer one the note asks."""

_ASK = (
    "The file does not say what they are: if they are time points or planes of depth, save it as OME-TIFF or as an "
    "ImageJ hyperstack (Image > Hyperstacks > Stack to Hyperstack)."
)
_NAMED_AXES = "CPSTZYX"


class StoredArray(Protocol):
    """An array as a file stores it, axes in any order, that decodes only what is indexed."""

    @property
    def dtype(self) -> np.dtype:
        """Stored type."""
        ...

    def __getitem__(self, key: tuple[slice | int, ...]) -> np.ndarray:
        """Return a block; an axis that is given an integer is left out."""
        ...


@dataclass(frozen=True)
class Layout:
    """Axes of a stored array.

    ``axes`` has one letter per axis: C and S (samples of a colour) become channels, of P (position) and T (time) one
    place is taken, Z is reduced, Y and X are kept, and every other letter is of length one and left out.
    """

    axes: str
    shape: tuple[int, ...]
    notes: tuple[str, ...] = ()

    def size(self, letter: str) -> int:
        """Length of an axis, 1 when there is none of that letter."""
        return self.shape[self.axes.index(letter)] if letter in self.axes else 1

    @property
    def cyx(self) -> tuple[int, int, int]:
        """Shape of the image as (C, Y, X)."""
        return self.size("C") * self.size("S"), self.size("Y"), self.size("X")

    @property
    def is_photo(self) -> bool:
        """Whether the channels are samples of a pixel: red, green and blue."""
        return self.size("S") == 3 and self.size("C") == 1

    def resized(self, shape: Sequence[int]) -> Layout:
        """Return the same order of axes for another pyramid level."""
        return Layout(self.axes, tuple(shape))


def resolve_axes(axes: str, shape: Sequence[int], name: str, depth: str = "max") -> Layout:
    """Assign a meaning to each axis of a stored array.

    Parameters
    ----------
    axes : str
        One letter per axis as the format gives them (P position, T time, Z depth, C channel, S sample, Y, X, others
        unknown).
    shape : sequence of int
        Lengths in the same order.
    name : str
        Name of the file for messages.
    depth : str
        Rule for depth, see `cellapp.types.image.Selection`.

    Returns
    -------
    Layout
        An unnamed stack of up to `MOST_CHANNELS_GUESSED` pages is read as channels; a longer one whose pages are as
        narrow as that is read as (Y, X, C). Positions, time and depth are kept: on reading one position and time point
        are taken and depth is reduced. `notes` says so.

    Raises
    ------
    InputError
        For a stack of unknown meaning, a plane of depth that is not there, or an array without rows and columns.
    """
    axes, shape, notes = axes.upper(), tuple(int(n) for n in shape), []
    unknown = [i for i, letter in enumerate(axes) if letter not in _NAMED_AXES and shape[i] > 1]
    if unknown:
        axes, note = _name_unknown(axes, shape, unknown, name)
        notes.append(note)
    if "Y" not in axes or "X" not in axes or 0 in shape:
        raise InputError(f"{name!r} holds no image: its axes are {axes or 'none'} of shape {shape}")
    reduced = check_depth(depth, Layout(axes, shape).size("Z"), name)
    return Layout(axes, shape, (*notes, *([reduced] if reduced else [])))


def _name_unknown(axes: str, shape: tuple[int, ...], unknown: list[int], name: str) -> tuple[str, str]:
    lengths = [shape[i] for i in unknown]
    if len(unknown) == 1 and not {"C", "S"} & set(axes):
        at, (n_pages,) = unknown[0], lengths
        # A (Y, X, C) array written page by page: as many pages as rows, each as narrow as there are channels.
        if n_pages > MOST_CHANNELS_GUESSED >= shape[-1] and axes[at:] == axes[at] + "YX":
            return axes[:at] + "YXC", f"Read as rows, columns and {shape[-1]} channels."
        if n_pages <= MOST_CHANNELS_GUESSED:
            note = f"{n_pages} pages are read as {n_pages} channels."
            return axes[:at] + "C" + axes[at + 1 :], note if n_pages <= _PAGES_EXPLAINED else f"{note} {_ASK}"
    raise InputError(
        f"{name!r} is a stack of {' x '.join(map(str, lengths))} pages that does not say what they are; "
        "save it as OME-TIFF with named axes or export single images"
    )
