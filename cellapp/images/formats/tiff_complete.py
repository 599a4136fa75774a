"""Whether the strips and tiles of a TIFF are all there: what is missing would read as black."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator

import numpy as np
import tifffile

from cellapp.errors import InputError
from cellapp.images.formats.picture_size import picture_px
from cellapp.images.limits import check_blocks

_JPEG, _END_OF_JPEG, _TAIL_BYTES = {6, 7, 33007}, b"\xff\xd9", 32
_MOST_TAILS = 4096
"""Ends of so many strips or tiles of a page are read, evenly spread; more would take seconds on a whole slide."""
_UNCOMPRESSED = 1
_PICTURES = {6, 7, 33007, 33003, 33004, 33005, 34712}
"""JPEG and JPEG 2000, whose decoders go by the size that the picture itself states."""
_MOST_HEADS, _HEAD_BYTES, _PADDING_PX = 256, 4096, 2**14
_BYTE = np.dtype(np.uint8)

Page = tifffile.TiffPage | tifffile.TiffFrame


def check_series(series: tifffile.TiffPageSeries, name: str) -> None:
    """Check that an image of a TIFF is complete at each of its levels.

    Parameters
    ----------
    series : tifffile.TiffPageSeries
        Pages that it lacks altogether are the business of `cellapp.images.formats.planes`.
    name : str
        Name for messages.

    Raises
    ------
    InputError
        When strips or tiles lie beyond the end of the file, are fewer or shorter than the size of the image needs, when
        none of them was written, or when the list of pages leads out of the file.
    """
    if series.dataoffset is None:
        for level in series.levels:
            check_pieces(level.keyframe, name)
    else:
        _check_end(series.dataoffset + series.nbytes, series.parent.filehandle.size, name)
    for page in _pages(series):
        _check_end(_end(page), page.parent.filehandle.size, name)
        _check_segments(page, name)
    _check_list_of_pages(series.parent, name)


def check_pieces(page: Page, name: str) -> None:
    """Check that the strips or tiles of a page fit into memory one by one, and that there is an end to them.

    Raises
    ------
    BudgetError
        See `cellapp.images.limits.check_blocks`.
    InputError
        When pictures in them, of which some are looked at, are larger than they.
    """
    key = page.keyframe
    pixels = math.prod(key.chunks)
    check_blocks(
        name,
        n_blocks=math.prod(key.chunked),
        pixels=pixels,
        n_bytes=pixels * (key.dtype or _BYTE).itemsize,
        n_stored=max(page.databytecounts, default=0),
    )
    if int(key.compression) not in _PICTURES:
        return
    file, what = page.parent.filehandle, "tiles" if key.is_tiled else "strips"
    places = list(zip(page.dataoffsets, page.databytecounts, strict=False))
    for offset, count in places[:: math.ceil(len(places) / _MOST_HEADS) or 1]:
        file.seek(offset)
        if (found := picture_px(file.read(min(count, _HEAD_BYTES)))) > 4 * pixels + _PADDING_PX:
            raise InputError(
                f"{name!r} is damaged: some of its {what} of {pixels:,} pixels hold pictures of {found:,}; "
                "export it again"
            )


def sparse_notes(series: tifffile.TiffPageSeries) -> tuple[str, ...]:
    """Say how many strips or tiles of an image were never written, which is legal: they are background.

    Parameters
    ----------
    series : tifffile.TiffPageSeries

    Returns
    -------
    tuple of str
        A sentence for the user where there are any, with what they are read as.
    """
    counts = [page.databytecounts for page in _pages(series)] if series.dataoffset is None else []
    n_all, n_empty = sum(map(len, counts)), sum(count == 0 for each in counts for count in each)
    if not n_empty:
        return ()
    what = "tiles" if series.keyframe.is_tiled else "strips"
    return (f"{n_empty:,} of {n_all:,} {what} are not stored and are read as background ({series.keyframe.nodata:g}).",)


def _pages(series: tifffile.TiffPageSeries) -> Iterator[Page]:
    return (page for level in series.levels for page in level.pages if page is not None)


def _end(page: Page) -> int:
    return max((o + n for o, n in zip(page.dataoffsets, page.databytecounts, strict=False)), default=0)


def _check_end(needed: int, n_bytes: int, name: str) -> None:
    if needed > n_bytes:
        raise InputError(
            f"{name!r} is cut off: its header needs {needed:,} bytes but the file has {n_bytes:,}; "
            "copy or export it again"
        )


def _check_segments(page: Page, name: str) -> None:
    key, n_bytes = page.keyframe, page.parent.filehandle.size
    offsets, counts = page.dataoffsets, page.databytecounts
    what, n_needed = "tiles" if key.is_tiled else "strips", math.prod(key.chunked)
    plain = key.compression == _UNCOMPRESSED and isinstance(key.bitspersample, int) and not key.is_subsampled
    # One strip that holds the rows of several is how some programs write; its length is checked instead.
    n_there = min(len(offsets), len(counts))
    if n_there < n_needed and not (plain and sum(counts) >= key.nbytes):
        raise InputError(
            f"{name!r} is cut off: {n_there:,} of its {n_needed:,} {what} are there; copy or export it again"
        )
    if not any(counts):
        raise InputError(f"{name!r} holds no pixels: none of its {n_needed:,} {what} was written; export it again")
    if any(count and not offset for offset, count in zip(offsets, counts, strict=False)):
        raise InputError(f"{name!r} is damaged: some of its {what} have no place in the file; export it again")
    if plain and n_there == n_needed:
        _check_lengths(page, n_bytes, what, name)
    if int(key.compression) in _JPEG and key.jpegheader is None and not page.parent.filehandle.closed:
        _check_tails(page, what, name)


def _check_lengths(page: Page, n_bytes: int, what: str, name: str) -> None:
    """Refuse uncompressed strips or tiles that are shorter than their rows and columns need."""
    key, counts = page.keyframe, np.asarray(page.databytecounts)
    samples = key.samplesperpixel if key.planarconfig == 1 else 1
    width, rows = (key.tilewidth, key.tilelength) if key.is_tiled else (key.imagewidth, key.rowsperstrip)
    row_bytes = math.ceil(width * samples * key.bitspersample / 8)
    needed = np.full(len(counts), row_bytes * rows)
    if not key.is_tiled:
        per_plane = math.ceil(key.imagelength / rows)
        needed[per_plane - 1 :: per_plane] = row_bytes * (key.imagelength - (per_plane - 1) * rows)
    short = (counts > 0) & (counts < needed)
    if not short.any():
        return
    if len(counts) == 1:  # many programs write a wrong length of an only strip, and readers pass over it
        end = page.dataoffsets[0] + int(needed[0])
        _check_end(end, n_bytes, name)
        if not any(page.dataoffsets[0] < other < end for other in _places(page.parent)):
            return
    raise InputError(
        f"{name!r} is cut off: {int(short.sum()):,} of its {len(counts):,} {what} are shorter than their rows need; "
        "copy or export it again"
    )


def _places(tif: tifffile.TiffFile) -> Iterator[int]:
    """Where other things than the pixels of a page begin: headers, values of tags, pixels of other pages."""
    for page in tif.pages:
        yield from (page.offset, *page.dataoffsets)
        yield from (tag.valueoffset for tag in page.aspage().tags)


def _check_tails(page: Page, what: str, name: str) -> None:
    """Refuse JPEG without its end: decoders fill the rest of it with gray and say nothing."""
    file = page.parent.filehandle
    step = math.ceil(len(page.dataoffsets) / _MOST_TAILS)
    for offset, count in list(zip(page.dataoffsets, page.databytecounts, strict=False))[::step]:
        n_bytes = min(count, _TAIL_BYTES)
        file.seek(offset + count - n_bytes)
        if count and _END_OF_JPEG not in file.read(n_bytes):
            raise InputError(f"{name!r} is damaged: some of its {what} end too early; copy or export it again")


def _check_list_of_pages(tif: tifffile.TiffFile, name: str) -> None:
    """Refuse a list of pages whose next one lies beyond the end of the file."""
    file, form = tif.filehandle, tif.tiff
    file.seek(tif.pages[len(tif.pages) - 1].offset)
    (n_tags,) = struct.unpack(form.tagnoformat, file.read(form.tagnosize))
    file.seek(n_tags * form.tagsize, 1)
    content = file.read(form.offsetsize)
    following = struct.unpack(form.offsetformat, content)[0] if len(content) == form.offsetsize else 0
    _check_end(following + form.tagnosize if following else 0, file.size, name)
