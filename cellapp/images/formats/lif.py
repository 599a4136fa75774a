"""LIF through liffile, by region: the only file that imports it, and only when such a file is opened.

The package reads the header; pixels are taken from the file where the header says that they lie.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cellapp.errors import InputError
from cellapp.images.channel_names import clean_names
from cellapp.images.formats.axes import Layout, resolve_axes
from cellapp.images.formats.channels_first import levels_of
from cellapp.images.formats.lif_header import LifImage, read_image
from cellapp.images.formats.samples import samples_of
from cellapp.images.formats.scenes import Scene, images_of
from cellapp.images.formats.sniff import decoding
from cellapp.types.image import PHOTO_CHANNELS, ImageInfo, LazyArray


def probe_all(path: Path, name: str, depth: str) -> tuple[ImageInfo, ...]:
    """Read the header of a LIF file.

    Parameters
    ----------
    path : Path
        The file.
    name : str
        Name for messages.
    depth : str
        Rule for depth, see `cellapp.types.image.Selection`.

    Returns
    -------
    tuple of ImageInfo
        Of each image and time point. Tiles of a mosaic are put together by the stage; positions that form no mosaic are
        images of their own. What is no picture (line scans, lifetimes) is left out, and `notes` says so.

    Raises
    ------
    InputError
        When the file is cut off or damaged, holds no picture, or the reader's package is not installed.
    """
    images, left_out = _images(path, name)
    scenes = [_scene(image, path, name, depth, left_out) for image in images]
    return images_of(scenes, depth)


def open_levels(path: Path, info: ImageInfo) -> tuple[LazyArray, ...]:
    """Return the only level of an image of a LIF file, (C, Y, X); only what is asked for is read."""
    image = _images(path, info.name)[0][info.selection.scene]
    return levels_of([_Pixels(path, image)], [_layout(image, info.name, info.selection.depth)], info)


def reads_regions(path: Path, info: ImageInfo) -> bool:
    """Return True: pixels of a LIF file are not compressed."""
    return True


def _library() -> Any:
    try:
        import liffile
    except ImportError as error:
        raise InputError("LIF files need a reader that is not installed: pip install liffile") from error
    return liffile


def _images(path: Path, name: str) -> tuple[list[LifImage], list[str]]:
    """Return the pictures of a file, and why others are none."""
    library = _library()
    found: list[LifImage] = []
    left_out = []
    with decoding(name), library.LifFile(path) as file:
        _check_complete(file, path, name)
        for image in file.images:
            try:
                found += read_image(image)
            except InputError as error:
                left_out.append(str(error))
    if not found:
        raise InputError(f"{name!r} holds no picture; {' '.join(left_out) or 'export the images anew'}")
    return found, left_out


def _check_complete(file: Any, path: Path, name: str) -> None:
    n_bytes = path.stat().st_size
    needed = max((block.offset + block.size for block in file.memory_blocks.values()), default=0)
    if needed > n_bytes:
        raise InputError(
            f"{name!r} is cut off: its header needs {needed:,} bytes but the file has {n_bytes:,}; "
            "copy or export it again"
        )


def _scene(image: LifImage, path: Path, name: str, depth: str, left_out: Sequence[str]) -> Scene:
    layout = _layout(image, name, depth)
    samples = samples_of(max(plane.bits for plane in image.planes), image.dtype)
    info = ImageInfo(
        name=name,
        format="lif",
        shape=layout.cyx,
        dtype=image.dtype.name,
        channels=PHOTO_CHANNELS if image.is_photo else clean_names(image.channel_names, layout.cyx[0]),
        um_per_px=image.um_per_px,
        levels=(layout.cyx[1:],),
        bytes_on_disk=path.stat().st_size,
        bits=samples.bits,
        notes=(*layout.notes, *samples.notes, *image.notes, *left_out),
        scene=image.name,
        n_planes=layout.size("Z"),
        is_photo=image.is_photo,
    )
    return Scene(info, image.n_times, seconds=image.seconds)


def _layout(image: LifImage, name: str, depth: str) -> Layout:
    return resolve_axes("TZCYX", (image.n_times, image.n_planes, len(image.planes), *image.size), name, depth)


@dataclass(frozen=True, eq=False)
class _Pixels:
    """One image as an array of axes T, Z, C, Y, X."""

    path: Path
    image: LifImage
    gives_copies = True

    @property
    def dtype(self) -> np.dtype:
        """The smallest type that holds the values of all channels."""
        return self.image.dtype

    def __getitem__(self, key: tuple[int, int, slice, slice, slice]) -> np.ndarray:
        """Read channels, rows and columns of one plane, (C, Y, X)."""
        time, plane, channels, *spans = key
        rows, columns = (range(n)[span] for n, span in zip(self.image.size, spans, strict=True))
        if not rows or not columns:
            return np.zeros((len(self.image.planes[channels]), len(rows), len(columns)), self.dtype)
        y0, y1, x0, x1 = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
        arrays = self.image.stored(self.path)[channels]
        block = np.zeros((len(arrays), y1 - y0, x1 - x0), self.dtype)
        height, width = self.image.tile_size
        for tile, (top, left) in enumerate(self.image.corners):
            from_y, to_y, from_x, to_x = max(y0, top), min(y1, top + height), max(x0, left), min(x1, left + width)
            if from_y < to_y and from_x < to_x:
                for target, array in zip(block, arrays, strict=True):
                    part = array[time, plane, tile, from_y - top : to_y - top, from_x - left : to_x - left]
                    target[from_y - y0 : to_y - y0, from_x - x0 : to_x - x0] = part
        return block[:, :: rows.step, :: columns.step]
