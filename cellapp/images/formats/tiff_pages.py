"""How many pages a TIFF lists, and in how many pieces: counted before the library makes an object of each."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
import tifffile

from cellapp.config import app_settings
from cellapp.errors import InputError
from cellapp.images.limits import MANY_BLOCKS, check_blocks, check_limit

_MOST_TAGS = 4096
_TYPES = {3: "u2", 4: "u4"}
_WIDTH, _STRIP_PLACES, _STRIP_ROWS, _TILE_WIDTH, _TILE_ROWS, _TILE_PLACES = 256, 273, 278, 322, 323, 324


def check_lists(tif: tifffile.TiffFile, name: str) -> None:
    """Refuse a TIFF of so many pages, or of a page in so many small pieces, that listing them takes without end.

    Parameters
    ----------
    tif : tifffile.TiffFile
    name : str
        For messages.

    Raises
    ------
    InputError
        Mostly a `BudgetError`; when the list has no end.
    """
    budget = app_settings().budget
    for number, tags in enumerate(_pages(tif, name), start=1):
        check_limit(number, "max_pages", budget, f"{name!r} has more than {number - 1:,} pages")
        n_pieces = tags["count"][np.isin(tags["code"], (_STRIP_PLACES, _TILE_PLACES))].max(initial=0)
        if n_pieces > MANY_BLOCKS:
            check_blocks(name, n_blocks=int(n_pieces), pixels=_piece_px(tags, tif.byteorder), n_bytes=0)


def _pages(tif: tifffile.TiffFile, name: str) -> Iterator[np.ndarray]:
    """Yield the tags of each page: code, type, count and the bytes of value or place; until the list ends or breaks."""
    file, form = tif.filehandle, tif.tiff
    size = form.offsetsize
    fields = [("code", "u2"), ("type", "u2"), ("count", f"u{size}"), ("value", f"S{size}")]
    entry = np.dtype(fields).newbyteorder(form.byteorder)
    offset, seen = tif.pages[0].offset, set()
    while offset:
        if offset in seen:  # the library goes round and round
            raise InputError(f"{name!r} is damaged: its list of pages leads back to itself; export it again")
        seen.add(offset)
        file.seek(offset)
        head = file.read(form.tagnosize)
        n_tags = struct.unpack(form.tagnoformat, head)[0] if len(head) == form.tagnosize else _MOST_TAGS + 1
        content = file.read(n_tags * form.tagsize + size) if n_tags <= _MOST_TAGS else b""
        if len(content) < n_tags * form.tagsize + size:
            return  # damaged: the library says how
        yield np.frombuffer(content, entry, n_tags)
        (offset,) = struct.unpack(form.offsetformat, content[-size:])


def _piece_px(tags: np.ndarray, byteorder: str) -> int:
    """Return the pixels of one strip or tile; of a strip that is to have all rows, those of one row."""
    values = {int(tag["code"]): _value(tag, byteorder) for tag in tags}
    if _TILE_PLACES in values:
        return values.get(_TILE_WIDTH, 1) * values.get(_TILE_ROWS, 1)
    return values.get(_WIDTH, 1) * values.get(_STRIP_ROWS, 1)


def _value(tag: np.void, byteorder: str) -> int:
    dtype = np.dtype(_TYPES.get(int(tag["type"]), "u4")).newbyteorder(byteorder)
    return int(np.frombuffer(bytes(tag["value"]).ljust(8, b"\0"), dtype, 1)[0])
