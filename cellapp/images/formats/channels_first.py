"""Stored arrays with axes in any order, indexed lazily as (C, Y, X)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from cellapp.images.formats.axes import Layout, StoredArray
from cellapp.images.formats.depth import Depth, sharpest_plane
from cellapp.images.formats.sniff import decoding
from cellapp.types.image import ImageInfo, LazyArray


@dataclass(frozen=True, eq=False)
class ChannelsFirst:
    """A lazily read array in any order of axes, indexed as (C, Y, X)."""

    stored: StoredArray  # where it has `gives_copies` and that is true, blocks are not copied again
    layout: Layout
    name: str  # of the file, for messages
    at: Mapping[str, int] = field(default_factory=dict)  # index along P and T, 0 where left out
    depth: Depth = field(default_factory=Depth)
    there: np.ndarray | None = None  # (C, Z) bool: planes that the file holds, at full resolution; None: all of them

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
            Stored type, native byte order; depth reduced by the rule.

        Raises
        ------
        InputError
            When the pixels cannot be decoded.
        """
        n_planes, there = self.layout.size("Z"), self.there
        if there is not None:  # smaller levels may have fewer planes
            there = there[key[0], np.arange(n_planes) * there.shape[1] // n_planes]
        block = self.depth.reduce(lambda z: self.plane(z, key), n_planes, there)
        # A copy: the stored array may be a memory map or shared with other callers, and must not be written to.
        copy = None if getattr(self.stored, "gives_copies", False) else True
        return np.array(block, dtype=self.dtype.newbyteorder("="), order="C", copy=copy)

    def plane(self, z: int, key: tuple[slice, slice, slice]) -> np.ndarray:
        """Decode a block of one plane of depth, counted from 0, as it is stored: (C, Y, X); 0 where it is missing."""
        channels, rows, columns = key
        colour = [letter for letter in "CS" if self.layout.size(letter) > 1]
        wanted = {"C": slice(None), "S": slice(None), "Y": rows, "X": columns}
        if len(colour) == 1:
            wanted[colour[0]] = channels
        one = {"Z": z, **self.at}
        with decoding(self.name):
            block = np.asarray(self.stored[tuple(wanted.get(axis, one.get(axis, 0)) for axis in self.layout.axes)])
        letters = [letter for letter in self.layout.axes if letter in wanted]
        block = block.transpose([letters.index(letter) for letter in "CSYX" if letter in letters])
        block = block.reshape(math.prod(block.shape[:-2]), *block.shape[-2:])
        return self._without_missing(block if len(colour) == 1 else block[channels], channels, z)

    def _without_missing(self, block: np.ndarray, channels: slice, z: int) -> np.ndarray:
        """Make 0 what the file lacks, whatever its reader gives there, such as white where 0 means white."""
        if self.there is None:
            return block
        there = self.there[channels, z * self.there.shape[1] // self.layout.size("Z")]
        return block if there.all() else np.where(there[:, None, None], block, block.dtype.type(0))


def levels_of(
    stored: Sequence[StoredArray],
    layouts: Sequence[Layout],
    info: ImageInfo,
    position: int = 0,
    there: np.ndarray | None = None,
) -> tuple[ChannelsFirst, ...]:
    """Read the stored levels of a scene as those of one image: its time point, its rule for depth.

    Parameters
    ----------
    stored : sequence of StoredArray
        One per pyramid level, full resolution first.
    layouts : sequence of Layout
        Of each.
    info : ImageInfo
        Whose `selection` is meant.
    position : int
        Index along P, where the array has several scenes.
    there : ndarray of bool, shape (T, C, Z), optional
        Which planes the file holds, see `cellapp.images.formats.planes`; left out, all of them.

    Returns
    -------
    tuple of ChannelsFirst
        The sharpest plane is looked for once, on first access, for all levels together.
    """
    at = {"P": position, "T": info.selection.time}
    now = None if there is None else there[info.selection.time]
    find_sharpest = _Sharpest(ChannelsFirst(stored[0], layouts[0], info.name, at, there=now))
    depth = Depth(info.selection.depth, layouts[0].size("Z"), find_sharpest)
    return tuple(
        ChannelsFirst(level, layout, info.name, at, depth, now) for level, layout in zip(stored, layouts, strict=True)
    )


@dataclass(frozen=True, eq=False)
class _Sharpest:
    """Finds the sharpest plane of an image, once; an object, so that levels can be sent to other processes."""

    full: ChannelsFirst

    def __call__(self) -> int:
        """Return its number, from 0."""
        return self._number

    @cached_property
    def _number(self) -> int:
        full = self.full
        planes = list(range(full.layout.size("Z")))
        if full.there is not None:  # of planes that some channels lack, those that the most have
            n_channels = full.there.sum(axis=0)
            planes = np.flatnonzero(n_channels == n_channels.max()).tolist()
        return sharpest_plane(lambda z, box: full.plane(z, (slice(None), *box.slices)), planes, full.shape[1:])


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
