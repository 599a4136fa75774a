"""Images stored as a grid of tiles, a file each, recognised by their names; `cellapp.images.mosaic` joins them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import PurePath

from cellapp.files import is_litter

MOST_TILES = 10_000

# Two numbers, with the letters or words before them: tile_0_1, Tile-1-2_DAPI, img_r00_c01, scan_row1_col2, x003_y001.
_PLACE = re.compile(
    r"(?P<start>.*?)(?P<first>[a-z]*)(?P<gap>[ _-]?)(?P<m>\d{1,4})"
    r"(?P<sep>[ _,-]*)(?P<second>[a-z]*)[ _-]?(?P<n>\d{1,4})"
    r"(?P<end>(?:[ _.-](?=\D).*)?)",
    re.IGNORECASE,
)
_ROW_FIRST = {("r", "c"), ("row", "col"), ("row", "column"), ("y", "x")}
_WORD = re.compile(r"tile|mosaic|grid|stitch|montage", re.IGNORECASE)


@dataclass(frozen=True)
class TileGrid:
    """Files that are the tiles of one image by their names."""

    name: str  # common part of the names
    rows: tuple[
        tuple[str, ...], ...
    ]  # file names from the upper left; of a tile that is not there, the name it would have
    missing: tuple[str, ...] = ()  # names of the tiles that are not there

    @property
    def files(self) -> tuple[str, ...]:
        """Names row by row."""
        return tuple(name for row in self.rows for name in row)

    @property
    def size(self) -> str:
        """Size for the user, "2 x 3"."""
        return f"{len(self.rows)} x {len(self.rows[0])}"


def group_tiles(names: Sequence[str]) -> list[TileGrid]:
    """Find the grids of tiles among file names.

    Parameters
    ----------
    names : sequence of str
        File names of one folder or upload. Each tile has the numbers of its row and column after a word such as tile or
        mosaic (row first), or after letters that say which is which: r and c, row and col, y and x.

    Returns
    -------
    list of TileGrid
        Each of two tiles or more, of which at most half are missing.
    """
    found: dict[tuple[str, ...], dict[tuple[int, int], str]] = defaultdict(dict)
    twice = set()
    for name in (name for name in names if not is_litter(name)):
        if place := _place_of(name):
            key, at = place
            if at in found[key]:
                twice.add(key)
            found[key][at] = name
    grids = (_grid(key, tiles) for key, tiles in found.items() if key not in twice and len(tiles) > 1)
    return [grid for grid in grids if grid is not None]


def _place_of(name: str) -> tuple[tuple[str, ...], tuple[int, int]] | None:
    path = PurePath(name)
    match = _PLACE.fullmatch(path.stem)
    if match is None:
        return None
    letters = _letters(match)
    at = int(match["m"]), int(match["n"])
    if letters[::-1] in _ROW_FIRST:
        at = at[::-1]
    elif letters not in _ROW_FIRST and not (_WORD.search(match["start"] + match["first"]) and letters[1] in ("", "x")):
        return None
    head = match["start"] + match["first"]
    key = (head, match["gap"], match["sep"], match["second"], match["end"], path.suffix.lower())
    return key, at


def _grid(key: tuple[str, ...], tiles: dict[tuple[int, int], str]) -> TileGrid | None:
    rows, columns = (range(min(numbers), max(numbers) + 1) for numbers in zip(*tiles, strict=True))
    n_tiles = len(rows) * len(columns)
    if n_tiles > MOST_TILES or 2 * len(tiles) < n_tiles:
        return None
    missing = {at: _name_at(tiles, at) for at in product(rows, columns) if at not in tiles}
    whole = {**tiles, **missing}
    head, _, _, _, end, _ = key
    name = re.sub(r"[ _.-]*(r|row|y|c|col|column|x)?$", "", head, flags=re.IGNORECASE) + end.removesuffix(".ome")
    return TileGrid(
        name.strip(" _.-") or "tiles",
        tuple(tuple(whole[y, x] for x in columns) for y in rows),
        tuple(missing.values()),
    )


def _name_at(tiles: dict[tuple[int, int], str], at: tuple[int, int]) -> str:
    """Return what the file of a tile that is not there would be called, like one that is."""
    path = PurePath(next(iter(tiles.values())))
    match, stem = _PLACE.fullmatch(path.stem), path.stem
    m, n = at[::-1] if _letters(match)[::-1] in _ROW_FIRST else at
    for group, number in (("n", n), ("m", m)):  # from the end, so that places stay
        stem = stem[: match.start(group)] + f"{number:0{len(match[group])}}" + stem[match.end(group) :]
    return stem + path.suffix


def _letters(match: re.Match[str]) -> tuple[str, str]:
    return match["first"].lower(), match["second"].lower()
