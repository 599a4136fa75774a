"""An image: what its header says, its pixels, a rectangle of it, and what its channels show.

Array fields state axes, dtype and unit: C channel, Y row, X column.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np

from cellapp.errors import InputError

PHOTO_CHANNELS = ("red", "green", "blue")
"""Names of the channels of a photograph. Other images may have the same ones: `ImageInfo.is_photo` tells."""

OnStep = Callable[[str, float], None]
"""Progress callback: what is being done, for the user, and the fraction done, 0 to 1. It may raise `Cancelled`."""


DEPTH_RULES = ("max", "mean", "sharpest")
"""How several planes of depth become one, beside the number of the plane to take."""


class Role(StrEnum):
    """What a channel shows, whatever its name or place in the file."""

    NUCLEUS = "nucleus"
    CYTOPLASM = "cytoplasm"
    OTHER = "other"
    COLOUR = "colour"  # red, green or blue light of a photograph, in this order


@dataclass(frozen=True)
class Region:
    """A rectangle of a slide in full-resolution pixels; ``y``, ``x`` is the upper left corner."""

    y: int
    x: int
    height: int
    width: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Row and column slices of the rectangle in the full image."""
        return slice(self.y, self.y + self.height), slice(self.x, self.x + self.width)


@dataclass(frozen=True)
class Selection:
    """Which image of a file is meant, and how its depth is reduced.

    Raises
    ------
    InputError
        When a number is negative or the rule for depth is not known.
    """

    scene: int = 0  # from 0, in the order of the file
    time: int = 0  # from 0
    depth: str = "max"  # "max", "mean", "sharpest", or the number of one plane from 1

    def __post_init__(self) -> None:
        if self.scene < 0 or self.time < 0:
            raise InputError(f"scene {self.scene + 1}, time point {self.time + 1} is no image; both count from 1")
        if self.depth not in DEPTH_RULES and not re.fullmatch("[1-9][0-9]*", self.depth):
            rules = ", ".join(DEPTH_RULES)
            raise InputError(f"depth {self.depth!r} is not known; choose {rules} or the number of one plane from 1")


FIRST_IMAGE = Selection()
"""The only image of most files; of others the first, with depth as its maximum."""


@dataclass(frozen=True)
class ImageInfo:
    """What the header of an image file declares, read before any pixel is decoded."""

    name: str
    format: str  # "ome-tiff", "tiff", "png", "jpeg", "bmp", "czi", "nd2", "lif", "ome-zarr", "harmony"
    shape: tuple[int, int, int]  # (C, Y, X)
    dtype: str  # numpy name of the stored type, "uint16"
    channels: tuple[str, ...]
    um_per_px: float | None
    levels: tuple[tuple[int, int], ...]  # (Y, X) of each pyramid level, full resolution first
    bytes_on_disk: int
    roles: tuple[Role, ...] = ()  # what each channel shows, where a user chose it; empty: guessed from names
    bits: int | None = None  # bits per sample that carry values, where the file says fewer than the type has (12 of 16)
    notes: tuple[str, ...] = ()  # what had to be assumed or left out, in sentences for the user
    selection: Selection = FIRST_IMAGE  # which image of the file this is
    scene: str = ""  # name of the position, series or well field; "s01" where it has none; empty where there is one
    time: str = ""  # "02d12h00m" since the first time point where the file tells, else "t003"; empty where there is one
    n_planes: int = 1  # of depth, which `selection` reduces to one
    n_scenes: int = 1  # in the file
    n_times: int = 1  # of this scene
    file: str = ""  # name of the file where the image goes by another one, `name`
    is_photo: bool | None = None  # the channels are the red, green and blue of a photograph, as the file declares

    def __post_init__(self) -> None:
        if self.is_photo is None:  # a header of version 0.1.0, which knew a photograph by its names
            object.__setattr__(self, "is_photo", self.channels == PHOTO_CHANNELS)

    @property
    def title(self) -> str:
        """Name for the user: "file · scene · time" without the parts that the file has no need of."""
        return " · ".join(part for part in (self.file or self.name, self.scene, self.time) if part)

    @property
    def suffix(self) -> str:
        """End of the names of folders and files made of this image: "__s01_t003", empty for the only one of a file."""
        parts = []
        if self.n_scenes > 1:
            parts.append(f"s{self.selection.scene + 1:0{max(len(str(self.n_scenes)), 2)}}")
        if self.n_times > 1:
            parts.append(f"t{self.selection.time + 1:0{max(len(str(self.n_times)), 3)}}")
        return "__" + "_".join(parts) if parts else ""

    @property
    def pixels(self) -> int:
        """Pixels of one channel at full resolution."""
        return self.shape[1] * self.shape[2]

    @property
    def bytes_decoded(self) -> int:
        """Bytes of the full level in memory, all channels."""
        return self.shape[0] * self.pixels * np.dtype(self.dtype).itemsize


class LazyArray(Protocol):
    """A (C, Y, X) array that decodes only what is indexed: a zarr array, a memory map, an ndarray."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(C, Y, X)."""
        ...

    @property
    def dtype(self) -> np.dtype:
        """Stored type."""
        ...

    def __getitem__(self, key: tuple[slice, slice, slice]) -> np.ndarray:
        """Return the pixels of a block, native dtype, axes (C, Y, X)."""
        ...


@dataclass(frozen=True, eq=False)
class Slide:
    """One image, lazily readable at each pyramid level, in the dtype it was stored in."""

    info: ImageInfo
    digest: str  # of the file and the image chosen in it, `cellapp.images.read.selected_digest`, hexadecimal
    levels: tuple[LazyArray, ...]  # each (C, Y, X), full resolution first
    file_digest: str = ""  # sha256 of the file that it is read from; empty where there are several
    overviews: dict[int, tuple[np.ndarray, float]] | None = None  # kept by longest side; None: read each time anew

    def __post_init__(self) -> None:
        if len(self.levels) != len(self.info.levels):
            raise InputError(f"{self.info.name!r} declares {len(self.info.levels)} levels but has {len(self.levels)}")
        if len(self.info.channels) != self.info.shape[0]:
            raise InputError(
                f"{self.info.name!r} has {self.info.shape[0]} channels but {len(self.info.channels)} names: "
                f"{', '.join(self.info.channels)}"
            )

    @property
    def whole(self) -> Region:
        """The full extent of the slide."""
        return Region(0, 0, self.info.shape[1], self.info.shape[2])

    def region(self, region: Region | None = None, level: int = 0) -> np.ndarray:
        """Decode a rectangle.

        Parameters
        ----------
        region : Region, optional
            Rectangle in pixels of `level`; the whole level when left out. It is clipped to the image.
        level : int
            Pyramid level, 0 is full resolution.

        Returns
        -------
        ndarray of shape (C, Y, X)
            Native dtype.
        """
        array = self.levels[level]
        box = region or Region(0, 0, array.shape[1], array.shape[2])
        y0, x0 = max(box.y, 0), max(box.x, 0)
        y1, x1 = min(box.y + box.height, array.shape[1]), min(box.x + box.width, array.shape[2])
        return np.asarray(array[:, y0 : max(y1, y0), x0 : max(x1, x0)])
