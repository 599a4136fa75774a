"""Images of a LIF file as its header describes them: where each channel, plane, time point and tile lies.

The header is XML; see "Leica Image File Formats - LIF, XLEF, XLLF, LOF", version 3.2 (Leica Microsystems, 2016).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element

import numpy as np

from cellapp.errors import InputError
from cellapp.images.formats.faults import UnfitError
from cellapp.images.formats.lif_tiles import corners_of
from cellapp.images.formats.pixel_size import mean_um, to_number, to_um

_LETTERS = {1: "X", 2: "Y", 3: "Z", 4: "T", 5: "e", 6: "A", 7: "N", 8: "Q", 9: "E", 10: "M", 11: "L"}
"""Axes by their numbers in the file; "e" and "E" are the wavelengths of emission and excitation."""

_NO_PICTURE = {"A": "rotations", "N": "slices in time", "Q": "slices in time", "L": "loops"}
_INTEGERS = ((8, "u1"), (16, "<u2"), (32, "<u4"), (64, "<u8"))
_FLOATS = ((16, "<f2"), (32, "<f4"), (64, "<f8"))
_COLOUR_TAGS = [1, 2, 3]  # red, green, blue; 0 is a stain


class Axis(NamedTuple):
    """One axis of an image in the file."""

    size: int
    step: int  # bytes from one element to the next
    length: float  # from the centre of the first element to that of the last
    unit: str

    def spacing(self) -> float:
        """Distance between two elements."""
        return abs(self.length) / (self.size - 1) if self.size > 1 else 0.0


class Plane(NamedTuple):
    """A channel, or one wavelength of one."""

    offset: int  # bytes, within the image
    dtype: str
    name: str
    tag: int
    bits: int  # that carry values


@dataclass(frozen=True, eq=False)
class LifImage:
    """One image, or one position of it."""

    name: str
    offset: int  # of its bytes in the file
    n_bytes: int
    axes: Mapping[str, Axis]
    planes: tuple[Plane, ...]
    corners: tuple[tuple[int, int], ...] = ((0, 0),)  # (Y, X) of the upper left corner of each tile
    notes: tuple[str, ...] = ()

    @property
    def n_times(self) -> int:
        """Time points."""
        return self.axes["T"].size

    @property
    def n_planes(self) -> int:
        """Planes of depth."""
        return self.axes["Z"].size

    @property
    def tile_size(self) -> tuple[int, int]:
        """(Y, X) of one tile; of the image where there are none."""
        return self.axes["Y"].size, self.axes["X"].size

    @property
    def size(self) -> tuple[int, int]:
        """(Y, X) of the image, tiles put together."""
        return tuple(max(starts) + n for starts, n in zip(zip(*self.corners, strict=True), self.tile_size, strict=True))

    @property
    def dtype(self) -> np.dtype:
        """The smallest type that holds the values of all channels, in this machine's byte order."""
        return np.result_type(*(plane.dtype for plane in self.planes)).newbyteorder("=")

    @property
    def is_photo(self) -> bool:
        """Whether the image is one picture in red, green and blue."""
        return [plane.tag for plane in self.planes] == _COLOUR_TAGS

    @property
    def channel_names(self) -> tuple[str, ...]:
        """As the file has them."""
        return tuple(plane.name for plane in self.planes)

    @property
    def um_per_px(self) -> float | None:
        """Side of a pixel, um; None where the file does not say."""
        return mean_um(*(to_um(axis.spacing(), axis.unit) for axis in (self.axes["Y"], self.axes["X"])))

    @property
    def seconds(self) -> Sequence[float]:
        """When each time point began; empty where the file does not say."""
        time = self.axes["T"]
        known = time.unit == "s" and time.spacing() > 0
        return [at * time.spacing() for at in range(time.size)] if known else ()

    def stored(self, path: Path) -> list[np.ndarray]:
        """Map each channel as an array of axes T, Z, tile, Y, X; nothing is read."""
        content = np.memmap(path, np.uint8, "r", self.offset, (self.n_bytes,))
        order = [self.axes[letter] for letter in "TZMYX"]
        shape, strides = [axis.size for axis in order], [axis.step for axis in order]
        return [np.ndarray(shape, plane.dtype, content, plane.offset, strides) for plane in self.planes]


def read_image(image: Any) -> list[LifImage]:
    """Read the description of an image.

    Parameters
    ----------
    image : liffile.LifImageABC

    Returns
    -------
    list of LifImage
        One; or one per position, where positions form no mosaic.

    Raises
    ------
    InputError
        When it is no picture, in a sentence that begins with its name.
    """
    node = image.xml_element.find("./Data/Image/ImageDescription")
    if image.is_flim or node is None:
        raise InputError(f"{image.path!r} is left out: it holds lifetimes, not intensities.")
    axes = _axes(node)
    if not {"X", "Y"} <= axes.keys():
        raise InputError(f"{image.path!r} is left out: it is a scan of lines, no picture.")
    for letter, what in _NO_PICTURE.items():
        if letter in axes and axes[letter].size > 1:
            raise InputError(f"{image.path!r} is left out: it has {axes[letter].size} {what}.")
    block = image.memory_block
    if not block.size:
        raise InputError(f"{image.path!r} is left out: it is empty.")
    axes = dict.fromkeys("TZM", Axis(1, 0, 0.0, "")) | axes
    found = LifImage(image.path, block.offset, block.size, axes, tuple(_planes(node, axes)))
    return _positions(found, image.tilescan)


def _axes(node: Element) -> dict[str, Axis]:
    return {
        _LETTERS.get(int(each.get("DimID", 0)), "?"): Axis(
            int(each.get("NumberOfElements", 1)),
            int(each.get("BytesInc", 0)),
            to_number(each.get("Length")) or 0.0,
            each.get("Unit", ""),
        )
        for each in node.iterfind("Dimensions/DimensionDescription")
    }


def _planes(node: Element, axes: Mapping[str, Axis]) -> Iterator[Plane]:
    """List the channels, of a photograph in the order red, green, blue; each wavelength of a spectrum is one."""
    wavelengths = [axes[letter] for letter in "eE" if letter in axes]
    channels = [_channel(each) for each in node.iterfind("Channels/ChannelDescription")]
    if sorted(channel.tag for channel in channels) == _COLOUR_TAGS:
        channels.sort(key=lambda channel: channel.tag)
    for channel in channels:
        for at in product(*(range(axis.size) for axis in wavelengths)):
            offset = channel.offset + sum(i * axis.step for i, axis in zip(at, wavelengths, strict=True))
            number = " ".join(str(i + 1) for i, axis in zip(at, wavelengths, strict=True) if axis.size > 1)
            yield channel._replace(offset=offset, name=f"{channel.name} {number}".strip())


def _channel(node: Element) -> Plane:
    bits = int(node.get("Resolution", 8))
    kinds = _FLOATS if node.get("DataType") == "1" else _INTEGERS
    dtype = next((code for most, code in kinds if bits <= most), None)
    if dtype is None:
        raise UnfitError(f"it has channels of {bits} bits")
    properties = {each.findtext("Key"): each.findtext("Value") for each in node.iterfind("ChannelProperty")}
    name = properties.get("DyeName") or node.get("LUTName", "")
    return Plane(int(node.get("BytesInc", 0)), dtype, name, int(node.get("ChannelTag", 0)), bits)


def _positions(image: LifImage, tilescan: Any) -> list[LifImage]:
    """Put tiles together; positions without an arrangement become images of their own."""
    tiles = image.axes["M"]
    if tiles.size == 1:
        return [image]
    if tilescan is not None and len(tilescan) == tiles.size:
        corners, n_places = corners_of(tilescan, image.tile_size, image.um_per_px)
        n_missing = n_places - len(set(corners))
        note = f"{n_missing} of {n_places} tiles are missing in the file and are black."
        return [replace(image, corners=corners, notes=(note,) if n_missing else ())]
    one = {**image.axes, "M": tiles._replace(size=1)}
    return [
        replace(
            image,
            name=f"{image.name} position {at + 1}",
            axes=one,
            planes=tuple(plane._replace(offset=plane.offset + at * tiles.step) for plane in image.planes),
        )
        for at in range(tiles.size)
    ]
