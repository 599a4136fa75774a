"""One image of the tiles of a grid, joined edge to edge and read lazily."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cellapp.errors import InputError
from cellapp.types.image import ImageInfo, LazyArray, Slide


def join_tiles(slides: Sequence[Slide], n_columns: int, name: str) -> Slide:
    """Make one image of the tiles of a grid.

    Parameters
    ----------
    slides : sequence of Slide
        Row by row, `n_columns` in each.
    n_columns : int
    name : str
        Of the whole.

    Returns
    -------
    Slide
        Lazy like its tiles, which lie edge to edge: overlaps are not looked for, and a note says so. With the first
        known pixel size, and those pyramid levels that cut each tile evenly.

    Raises
    ------
    InputError
        When tiles differ in size, in channels or in being photographs.
    """
    if not slides or n_columns < 1 or len(slides) % n_columns:
        raise InputError(f"a grid of tiles needs rows of {n_columns}; got {len(slides)} tiles")
    for slide in slides:
        _check_alike(slides[0].info, slide.info)
    first, n_rows = slides[0].info, len(slides) // n_columns
    levels = tuple(
        Mosaic(tuple(parts[start : start + n_columns] for start in range(0, len(parts), n_columns)))
        for parts in zip(*(slide.levels for slide in slides), strict=False)
        if len({part.shape for part in parts}) == 1 and _cuts_evenly(first, parts[0])
    )
    infos = [slide.info for slide in slides]
    told = f"Put together from {n_rows} x {n_columns} tiles, edge to edge; overlaps are not looked for."
    info = replace(
        first,
        name=name,
        shape=levels[0].shape,
        dtype=levels[0].dtype.name,
        roles=(),
        um_per_px=next((one.um_per_px for one in infos if one.um_per_px is not None), None),
        levels=tuple(level.shape[1:] for level in levels),
        bytes_on_disk=sum(one.bytes_on_disk for one in infos),
        notes=(told, *dict.fromkeys(note for one in infos for note in one.notes)),
    )
    digests = "|".join(["tiles", str(n_columns), *(slide.digest for slide in slides)])
    return Slide(info, hashlib.sha256(digests.encode()).hexdigest(), levels)


@dataclass(frozen=True, eq=False)
class Mosaic:
    """Arrays of equal shape side by side as one (C, Y, X) array."""

    rows: Sequence[Sequence[LazyArray]]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, Y, X)."""
        n_channels, height, width = self.rows[0][0].shape
        return n_channels, height * len(self.rows), width * len(self.rows[0])

    @property
    def dtype(self) -> np.dtype:
        """The smallest type that holds the values of all tiles."""
        return np.result_type(*(tile.dtype for row in self.rows for tile in row))

    def __getitem__(self, key: tuple[slice, slice, slice]) -> np.ndarray:
        """Decode a block, (C, Y, X); only the tiles it touches are read."""
        channels, *spans = key
        rows, columns = (range(n)[span] for n, span in zip(self.shape[1:], spans, strict=True))
        block = np.empty((len(range(self.shape[0])[channels]), len(rows), len(columns)), self.dtype)
        _, height, width = self.rows[0][0].shape
        for i, row in enumerate(self.rows):
            into_y, from_y = _overlap(rows, i * height, height)
            for j, tile in enumerate(row):
                into_x, from_x = _overlap(columns, j * width, width)
                if into_y.stop > into_y.start and into_x.stop > into_x.start:
                    block[:, into_y, into_x] = tile[channels, from_y, from_x]
        return block


def _overlap(wanted: range, at: int, length: int) -> tuple[slice, slice]:
    """Return which positions of what is wanted lie in a tile, and where in the tile they are."""
    first = max(-(-(at - wanted.start) // wanted.step), 0)
    stop = min(max(-(-(at + length - wanted.start) // wanted.step), first), max(len(wanted), first))
    start = wanted.start + first * wanted.step - at
    return slice(first, stop), slice(start, start + (stop - first - 1) * wanted.step + 1, wanted.step)


def _check_alike(first: ImageInfo, other: ImageInfo) -> None:
    for what, of in (("px", lambda info: info.shape[1:]), ("channels", lambda info: info.shape[:1])):
        sizes = [" x ".join(map(str, of(info))) for info in (first, other)]
        if sizes[0] != sizes[1]:
            raise InputError(
                f"{first.name!r} has {sizes[0]} {what} but {other.name!r} {sizes[1]}; tiles of one image must be alike"
            )
    if first.is_photo != other.is_photo:
        raise InputError(f"of {first.name!r} and {other.name!r} one is a photograph; tiles of one image must be alike")


def _cuts_evenly(info: ImageInfo, level: LazyArray) -> bool:
    return all(full % part == 0 for full, part in zip(info.shape[1:], level.shape[1:], strict=True))
