"""An image whose planes are pages of several TIFF files, read as one array."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
import zarr

from cellapp.errors import InputError
from cellapp.images.formats.sniff import decoding
from cellapp.images.formats.tiff_complete import check_pieces
from cellapp.images.formats.tiff_file import TiffAlone
from cellapp.images.formats.tiff_pages import check_lists

AXES = "TCZYXS"


@dataclass(frozen=True)
class Page:
    """A page of a TIFF, which holds one plane."""

    path: Path
    number: int = 0  # from 0


@dataclass(frozen=True, eq=False)
class PagePlanes:
    """A (T, C, Z, Y, X, S) array over pages; a file is open only while it is read."""

    pages: Mapping[tuple[int, int, int], Page]  # by (T, C, Z)
    shape: tuple[int, int, int, int, int, int]
    dtype: np.dtype
    level: int = 0  # of the pages' own pyramids

    def __getitem__(self, key: tuple[int | slice, ...]) -> np.ndarray:
        """Decode a block of one time point and plane; channels, rows, columns and samples are slices."""
        time, channels, plane, rows, columns, samples = key
        n_rows, n_columns = (len(range(n)[s]) for n, s in zip(self.shape[3:5], (rows, columns), strict=True))
        wanted = range(self.shape[1])[channels]
        block = np.empty((len(wanted), n_rows, n_columns, len(range(self.shape[5])[samples])), self.dtype)
        for target, channel in zip(block, wanted, strict=True):
            with open_page(self.pages[time, channel, plane], self.level) as page:
                target[...] = _read(page, rows, columns)[..., samples]
        return block


@contextmanager
def open_page(page: Page, level: int = 0) -> Iterator[tifffile.TiffPage]:
    """Open a page, or one of the smaller copies that belong to it."""
    with TiffAlone(page.path) as tif:
        check_lists(tif, page.path.name)
        found = _page(tif, page.number, page.path)
        yield found.pages[level - 1].aspage() if level else found


def level_shapes(page: Page) -> list[tuple[int, int, int]]:
    """Return (Y, X, S) of a page and of the smaller copies that belong to it."""
    with open_page(page) as found:
        levels = [found, *(found.pages or ())] if found.subifds else [found]
        return [(each.imagelength, each.imagewidth, each.samplesperpixel) for each in levels]


def check_pages(pages: Iterable[Page], like: tuple[int, int, int], dtype: np.dtype) -> None:
    """Check that each page is there, complete, and of the size (Y, X, S) and type of the others.

    Raises
    ------
    InputError
        With the name of the file.
    """
    by_file: dict[Path, list[int]] = {}
    for page in pages:
        by_file.setdefault(page.path, []).append(page.number)
    for path, numbers in by_file.items():
        with decoding(path.name), TiffAlone(path) as tif:
            check_lists(tif, path.name)
            needed = max(_end(_page(tif, number, path), path, like, dtype) for number in sorted(numbers))
        if needed > path.stat().st_size:
            raise InputError(
                f"{path.name!r} is cut off: its header needs {needed:,} bytes but the file has "
                f"{path.stat().st_size:,}; copy or export it again"
            )


def _end(page: tifffile.TiffPage, path: Path, like: tuple[int, int, int], dtype: np.dtype) -> int:
    """Return where the pixels of a page end, which must be of the size (Y, X, S) and type of the others."""
    shape = (page.imagelength, page.imagewidth, page.samplesperpixel)
    if (shape, page.dtype) != (like, dtype):
        raise InputError(
            f"{path.name!r} has a page of {shape} {page.dtype}, but the image it belongs to is {like} {dtype}; "
            "export it again"
        )
    check_pieces(page, path.name)
    return max((o + n for o, n in zip(page.dataoffsets, page.databytecounts, strict=False)), default=0)


def _page(tif: tifffile.TiffFile, number: int, path: Path) -> tifffile.TiffPage:
    if number >= len(tif.pages):
        raise InputError(
            f"{path.name!r} has {len(tif.pages)} pages, but page {number + 1} of it is part of an image; "
            "copy or export it again"
        )
    return tif.pages[number].aspage()


def _read(page: tifffile.TiffPage, rows: slice, columns: slice) -> np.ndarray:
    """Decode a rectangle of a page: (Y, X, S)."""
    # Uncompressed pages are often one strip, which zarr would read whole for each block.
    array = page.asarray(out="memmap") if page.is_memmappable else zarr.open_array(page.aszarr(), mode="r")
    axes, wanted = page.axes, {"Y": rows, "X": columns}
    block = np.asarray(array[tuple(wanted.get(axis, slice(None)) for axis in axes)])
    if "S" not in axes:
        block, axes = block[..., None], axes + "S"
    return block.transpose([axes.index(axis) for axis in "YXS"])
