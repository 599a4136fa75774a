"""What stored numbers mean: one step between every reader and `Slide`, so that what comes out is what was meant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from cellapp.images.formats.axes import StoredArray
from cellapp.images.formats.channels_first import ChannelsFirst
from cellapp.types.image import LazyArray

# EXIF and TIFF orientation -> (rows and columns change places, then rows are reversed, then columns are).
_UPRIGHT = {
    1: (False, False, False),
    2: (False, False, True),
    3: (False, True, True),
    4: (False, True, False),
    5: (True, False, False),
    6: (True, False, True),
    7: (True, True, True),
    8: (True, True, False),
}

NO_ALPHA = "Its transparency (alpha) is no channel and is left out."
FROM_INKS = "Its inks (CMYK) are read as red, green and blue, without the profile of a printer."


@dataclass(frozen=True)
class Conversion:
    """From the samples of each pixel, which may be indices or inks, to channels."""

    function: Callable[[np.ndarray], np.ndarray]  # (S, Y, X) -> (C, Y, X)
    n_channels: int
    dtype: str  # numpy name of what comes out


@dataclass(frozen=True)
class Samples:
    """What a container declares about the samples of its pixels, apart from their order.

    Every container fills in one of these; `shape` and `dtype` say what comes out of `meant` for what is stored.
    """

    kept: tuple[int, ...] | None = None  # stored channels that are read, from 0; None: all
    conversion: Conversion | None = None  # of the kept ones
    orientation: int = 1  # 1 to 8, as in EXIF
    bits: int | None = None  # bits per sample that carry values, where fewer than the type has
    done: tuple[str, ...] = ()  # what is converted or left out, in sentences for the user

    @property
    def notes(self) -> tuple[str, ...]:
        """Everything to be told about them, in sentences for the user."""
        return self.done if self.bits is None else (*self.done, f"Of each sample {self.bits} bits carry values.")

    def shape(self, stored: tuple[int, int, int]) -> tuple[int, int, int]:
        """(C, Y, X) of what comes out, from that of what is stored."""
        n_kept = stored[0] if self.kept is None else len(self.kept)
        height, width = self.size(stored[1:])
        return self.conversion.n_channels if self.conversion else n_kept, height, width

    def size(self, stored: tuple[int, int]) -> tuple[int, int]:
        """(Y, X) of what comes out of a level, from that of what is stored."""
        return stored[::-1] if _upright(self.orientation)[0] else stored

    def dtype(self, stored: str) -> str:
        """Numpy name of the type that comes out, from the stored one's."""
        return self.conversion.dtype if self.conversion else stored

    def told(self, *notes: str) -> Samples:
        """Return the same with more to be told."""
        return replace(self, done=self.done + notes)

    def upright(self, orientation: int) -> Samples:
        """Return the same with an orientation; other numbers than 2 to 8 change nothing."""
        if _upright(orientation) == _UPRIGHT[1]:
            return self
        return replace(self, orientation=orientation).told(f"Turned upright: its orientation tag is {orientation}.")

    def of_channels(self, channels: tuple[int, ...] | None) -> Samples:
        """Return the same for those stored channels only that are there; None: all."""
        if channels is None or self.conversion is not None:
            return self
        kept = channels if self.kept is None else tuple(c for c in self.kept if c in channels)
        return replace(self, kept=kept)

    def with_bits(self, bits: int | None, dtype: str) -> Samples:
        """Return the same with the bits that carry values as other metadata say it, where these have not.

        `dtype` is that of the samples; of signed numbers and of all bits of a type there is nothing to say.
        """
        kind = np.dtype(dtype)
        told = bits is not None and kind.kind == "u" and 0 < bits < 8 * kind.itemsize
        return replace(self, bits=bits) if told and self.bits is None and self.conversion is None else self

    def meant(self, stored: LazyArray) -> LazyArray:
        """Wrap a lazy (C, Y, X) array; it is returned as it is where its numbers already are what was meant."""
        if self.kept is None and self.conversion is None and _upright(self.orientation) == _UPRIGHT[1]:
            return stored
        return Meant(stored, self)


def samples_of(bits: int | None, dtype: np.dtype | str) -> Samples:
    """Return samples of which so many bits carry values; all, where the number is unknown or that of the type."""
    stored = np.dtype(dtype)
    return Samples(bits=bits if stored.kind in "ui" and bits and bits < 8 * stored.itemsize else None)


@dataclass(frozen=True, eq=False)
class Meant:
    """A lazy (C, Y, X) array of which each block is decoded, converted and turned upright as it is read."""

    stored: LazyArray
    samples: Samples

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, Y, X)."""
        n_channels, height, width = self.stored.shape
        return self.samples.shape((n_channels, height, width))

    @property
    def dtype(self) -> np.dtype:
        """Type of what comes out."""
        return np.dtype(self.samples.dtype(np.dtype(self.stored.dtype).name))

    def __getitem__(self, key: tuple[slice, slice, slice]) -> np.ndarray:
        """Decode a block, (C, Y, X)."""
        channels, *sides = key
        swaps, *flips = _upright(self.samples.orientation)
        wanted = [_reversed(s, n) if flip else s for s, n, flip in zip(sides, self.shape[1:], flips, strict=True)]
        block = self._channels(channels, *(wanted[::-1] if swaps else wanted))
        block = block.swapaxes(1, 2) if swaps else block
        return np.ascontiguousarray(block[:, :: -1 if flips[0] else 1, :: -1 if flips[1] else 1])

    def _channels(self, channels: slice, rows: slice, columns: slice) -> np.ndarray:
        kept = self.samples.kept or tuple(range(self.stored.shape[0]))
        if self.samples.conversion is not None:
            return self.samples.conversion.function(self._read(kept, rows, columns))[channels]
        return self._read(kept[channels], rows, columns)

    def _read(self, numbers: tuple[int, ...], rows: slice, columns: slice) -> np.ndarray:
        first, last = (numbers[0], numbers[-1] + 1) if numbers else (0, 0)
        block = self.stored[first:last, rows, columns]
        return block if len(block) == len(numbers) else block[[number - first for number in numbers]]


@dataclass(frozen=True, eq=False)
class TurnedOver:
    """A stored array, axes in any order, whose lowest number means white: each value v is read as ``top - v``.

    It stands below the reduction of depth: the maximum over depth is that of what was meant.
    """

    stored: StoredArray
    top: float  # the number that means black

    @property
    def dtype(self) -> np.dtype:
        """Stored type."""
        return np.dtype(self.stored.dtype)

    def __getitem__(self, key: tuple[slice | int, ...]) -> np.ndarray:
        """Decode a block in the order of axes of the stored array."""
        block = np.asarray(self.stored[key])
        block = block.astype(block.dtype.newbyteorder("="), copy=False)  # a big-endian file that is mapped, not decoded
        return ~block if block.dtype == bool else np.subtract(block.dtype.type(self.top), block, dtype=block.dtype)


def as_stored(level: LazyArray) -> LazyArray:
    """Return the numbers of a level before a table gave them colours or they were turned over: the ids of labels."""
    if isinstance(level, Meant):
        table = level.samples.conversion is not None and level.stored.shape[0] == 1
        samples = replace(level.samples, kept=None, conversion=None) if table else level.samples
        return samples.meant(as_stored(level.stored))
    if isinstance(level, ChannelsFirst) and isinstance(level.stored, TurnedOver):
        return replace(level, stored=level.stored.stored)
    return level


def top_of(dtype: str | np.dtype, bits: int | None = None) -> float:
    """Return the number that stands for full intensity.

    Parameters
    ----------
    dtype : str or dtype
        Of the samples.
    bits : int, optional
        Bits that carry values, where fewer than the type has.

    Returns
    -------
    float
        1 for floats and booleans; for signed integers of all bits the highest number.
    """
    kind = np.dtype(dtype)
    if kind.kind not in "ui":
        return 1.0
    return 2**bits - 1 if bits else int(np.iinfo(kind).max)


def _upright(orientation: int) -> tuple[bool, bool, bool]:
    return _UPRIGHT.get(orientation, _UPRIGHT[1])  # other numbers mean nothing, and viewers pass over them


def _reversed(part: slice, length: int) -> slice:
    """Return the slice of a reversed axis that holds the same places as `part` of the upright one, rising."""
    places = range(length)[part]
    return slice(length - 1 - places[-1], length - places[0], places.step) if places else slice(0, 0)
