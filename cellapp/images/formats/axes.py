"""Stored arrays with axes in any order, indexed lazily as (C, Y, X)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from cellapp.errors import InputError
from cellapp.images.formats.sniff import decoding
from cellapp.types.image import LazyArray

MOST_CHANNELS_GUESSED = 16
"""An unnamed axis is read as channels up to this length; a longer one must be named in the file."""

_NAMED_AXES = "CSZYX"


@dataclass(frozen=True)
class Layout:
    """Axes of a stored array.

    ``axes`` has one letter per axis: C and S (samples of a colour) become channels, Z is projected, Y and X are kept,
    and every other letter is of length one and left out.
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

    def resized(self, shape: Sequence[int]) -> Layout:
        """Return the same order of axes for another pyramid level."""
        return Layout(self.axes, tuple(shape))


def resolve_axes(axes: str, shape: Sequence[int], name: str) -> Layout:
    """Assign a meaning to each axis of a stored array.

    Parameters
    ----------
    axes : str
        One letter per axis as the format gives them (T time, Z depth, C channel, S sample, Y, X, others unknown).
    shape : sequence of int
        Lengths in the same order.
    name : str
        Name of the file for messages.

    Returns
    -------
    Layout
        An unnamed stack of up to `MOST_CHANNELS_GUESSED` pages is read as channels; a longer one whose pages are as
        narrow as that is read as (Y, X, C). Depth is kept as Z and projected on reading. `notes` says so.

    Raises
    ------
    InputError
        For several time points or positions, a stack of unknown meaning, or an array without rows and columns.
    """
    axes, shape, notes = axes.upper(), tuple(int(n) for n in shape), []
    unknown = [i for i, letter in enumerate(axes) if letter not in _NAMED_AXES and shape[i] > 1]
    if "T" in axes and axes.index("T") in unknown:
        raise InputError(
            f"{name!r} holds {shape[axes.index('T')]} time points; images are analysed one by one: "
            "export each as its own file"
        )
    if unknown:
        axes, note = _name_unknown(axes, shape, unknown, name)
        notes.append(note)
    if "Y" not in axes or "X" not in axes or 0 in shape:
        raise InputError(f"{name!r} holds no image: its axes are {axes or 'none'} of shape {shape}")
    layout = Layout(axes, shape)
    if layout.size("Z") > 1:
        notes.append(f"{layout.size('Z')} planes of depth are shown and analysed as their maximum.")
    return Layout(axes, shape, tuple(notes))


def _name_unknown(axes: str, shape: tuple[int, ...], unknown: list[int], name: str) -> tuple[str, str]:
    lengths = [shape[i] for i in unknown]
    if len(unknown) == 1 and not {"C", "S"} & set(axes):
        at, (n_pages,) = unknown[0], lengths
        # A (Y, X, C) array written page by page: as many pages as rows, each as narrow as there are channels.
        if n_pages > MOST_CHANNELS_GUESSED >= shape[-1] and axes[at:] == axes[at] + "YX":
            return axes[:at] + "YXC", f"Read as rows, columns and {shape[-1]} channels."
        if n_pages <= MOST_CHANNELS_GUESSED:
            return axes[:at] + "C" + axes[at + 1 :], f"{n_pages} pages are read as {n_pages} channels."
    raise InputError(
        f"{name!r} is a stack of {' x '.join(map(str, lengths))} pages that does not say what they are; "
        "save it as OME-TIFF with named axes or export single images"
    )


@dataclass(frozen=True, eq=False)
class ChannelsFirst:
    """A lazily read array in any order of axes, indexed as (C, Y, X)."""

    stored: Any  # indexable by slices and integers, with `dtype`
    layout: Layout
    name: str  # of the file, for messages

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, Y, X)."""
        return self.layout.cyx

    @property
    def dtype(self) -> np.dtype:
        """Stored type."""
        return np.dtype(self.stored.dtype)

    def __getitem__(self, key: tuple[slice, slice, slice]) -> np.ndarray:
        """Decode a block.

        Parameters
        ----------
        key : tuple of three slices
            Channels, rows and columns.

        Returns
        -------
        ndarray of shape (C, Y, X)
            Stored type, native byte order; the maximum over depth where the file has depth.

        Raises
        ------
        InputError
            When the pixels cannot be decoded.
        """
        channels, rows, columns = key
        colour = [letter for letter in "CS" if self.layout.size(letter) > 1]
        wanted = {"C": slice(None), "S": slice(None), "Y": rows, "X": columns}
        if len(colour) == 1:
            wanted[colour[0]] = channels
        with decoding(self.name):
            block = reduce(np.maximum, (self._plane(wanted, z) for z in range(self.layout.size("Z"))))
        block = block if len(colour) == 1 else block[channels]
        # A copy: the stored array may be a memory map or shared with other callers, and must not be written to.
        return np.array(block, dtype=self.dtype.newbyteorder("="), order="C")

    def _plane(self, wanted: dict[str, slice], z: int) -> np.ndarray:
        index = tuple(wanted.get(letter, z if letter == "Z" else 0) for letter in self.layout.axes)
        block = np.asarray(self.stored[index])
        letters = [letter for letter in self.layout.axes if letter in wanted]
        block = block.transpose([letters.index(letter) for letter in "CSYX" if letter in letters])
        return block.reshape(math.prod(block.shape[:-2]), *block.shape[-2:])


@dataclass(frozen=True, eq=False)
class Stacked:
    """Arrays of equal height and width as the channels of one; a part with several channels gives their maximum."""

    parts: Sequence[LazyArray]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, Y, X), one channel per part."""
        _, height, width = self.parts[0].shape
        return len(self.parts), height, width

    @property
    def dtype(self) -> np.dtype:
        """The smallest type that holds the values of all parts."""
        return np.result_type(*(part.dtype for part in self.parts))

    def __getitem__(self, key: tuple[slice, slice, slice]) -> np.ndarray:
        """Decode a block, (C, Y, X)."""
        channels, rows, columns = key
        wanted = self.parts[channels]
        height, width = (len(range(n)[s]) for n, s in zip(self.shape[1:], (rows, columns), strict=True))
        block = np.empty((len(wanted), height, width), dtype=self.dtype)
        for plane, part in zip(block, wanted, strict=True):
            plane[...] = part[:, rows, columns].max(axis=0)
        return block
