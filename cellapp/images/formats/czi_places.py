"""Scenes of a CZI file, put together from its tiles: extent, channels, planes, time points and pyramid levels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cellapp.errors import InputError
from cellapp.images.formats.czi_directory import Directory, Tile
from cellapp.images.formats.czi_gaps import gaps_of
from cellapp.images.formats.czi_seams import Part, parts_of

_RAW = {"R": "rotations", "I": "illuminations", "H": "phases", "V": "views"}
_DTYPES = {0: "uint8", 1: "uint16", 2: "float32", 3: "uint8", 4: "uint16"}
_COLOURED = (3, 4)
_LEVEL_COVERAGE = 0.5  # of the full level's tiles; a level with less is left over from an edge
_RASTER_CELLS = 512  # along the longer side, to find how much of a scene was scanned
_WORTH_TELLING = 0.005


@dataclass(frozen=True)
class Channel:
    """A channel of the image: one of the file, or one colour of one."""

    number: int
    pixel_type: int
    sample: int | None = None  # 0 red, 1 green, 2 blue


@dataclass(frozen=True, eq=False)
class Place:
    """One scene."""

    scene: int | None  # None: the file has no scenes
    tiles: tuple[Tile, ...]  # of the full level
    shrinks: tuple[int, ...]  # of each level: pixels at full resolution per pixel, 1 first
    smaller: tuple[Tile, ...] = ()  # of the other levels

    def numbers(self, letter: str) -> tuple[int, ...]:
        """Numbers of the planes along T or Z that are there; they need not begin at 0."""
        return tuple(sorted({_start(tile, letter) for tile in self.tiles}))

    @cached_property
    def box(self) -> tuple[int, int, int, int]:
        """Upper edge, left edge, height and width, in the coordinates of the file."""
        (y0, y1), (x0, x1) = (
            (min(tile.spans[axis].start for tile in self.tiles), max(sum(tile.spans[axis][:2]) for tile in self.tiles))
            for axis in "YX"
        )
        return y0, x0, y1 - y0, x1 - x0

    def size(self, shrink: int) -> tuple[int, int]:
        """(Y, X) of a level."""
        _, _, height, width = self.box
        return max(height // shrink, 1), max(width // shrink, 1)

    def seams(self, plane: Mapping[str, int], shrink: int, rows: range, columns: range) -> tuple[Part, ...]:
        """Cut a region of a level at the seams of its tiles; the full level is copied exactly and needs none."""
        if shrink == 1:
            return ()
        return parts_of(self._tiles(plane, shrink), self.box[:2], shrink, rows, columns)

    def gaps(self, plane: Mapping[str, int], shrink: int, rows: range, columns: range) -> np.ndarray:
        """Find the pixels of a region, (Y, X), that a smaller level lacks and the full level has."""
        if shrink == 1:
            return np.zeros((len(rows), len(columns)), bool)
        level, full = (self._tiles(plane, each) for each in (shrink, 1))
        return gaps_of(level, full, self.box[:2], shrink, rows, columns)

    def finer(self, shrink: int) -> int:
        """Return the next level from which the pixels of a level can be made, by its shrink."""
        return max(each for each in self.shrinks if each < shrink and shrink % each == 0)

    def _tiles(self, plane: Mapping[str, int], shrink: int) -> list[Tile]:
        return self._by_plane.get((shrink, *(plane[letter] for letter in "TZC")), [])

    @cached_property
    def _by_plane(self) -> dict[tuple[int, ...], list[Tile]]:
        """Tiles by level and plane."""
        found: dict[tuple[int, ...], list[Tile]] = defaultdict(list)
        for tile in (*self.tiles, *self.smaller):
            found[tile.shrink, *(_start(tile, letter) for letter in "TZC")].append(tile)
        return found

    @cached_property
    def channels(self) -> tuple[Channel, ...]:
        """In the order of their numbers."""
        types = {_start(tile, "C"): tile.pixel_type for tile in reversed(self.tiles)}
        return tuple(
            Channel(number, types[number], sample)
            for number in sorted(types)
            for sample in (range(3) if types[number] in _COLOURED else (None,))
        )

    @property
    def is_photo(self) -> bool:
        """Whether the scene is one picture in red, green and blue."""
        return len(self.channels) == 3 and len({channel.number for channel in self.channels}) == 1

    @property
    def dtype(self) -> np.dtype:
        """The smallest type that holds the values of all channels."""
        return np.result_type(*(_DTYPES[channel.pixel_type] for channel in self.channels))

    @cached_property
    def there(self) -> np.ndarray:
        """Whether each plane has a tile, (T, C, Z) bool."""
        found = {tuple(_start(tile, letter) for letter in "TCZ") for tile in self.tiles}
        times, planes = self.numbers("T"), self.numbers("Z")
        return np.array([[[(t, c.number, z) in found for z in planes] for c in self.channels] for t in times])

    @property
    def notes(self) -> tuple[str, ...]:
        """What was not scanned, in a sentence for the user."""
        empty = self._not_scanned()
        return (
            (f"{100 * empty:.0f} % of the picture were not scanned and are black.",) if empty >= _WORTH_TELLING else ()
        )

    def _not_scanned(self) -> float:
        """Share of the scene that no tile of the first plane covers."""
        y, x, height, width = self.box
        step = max(height, width) / min(_RASTER_CELLS, max(height, width))
        seen = np.zeros((round(height / step) or 1, round(width / step) or 1), bool)
        first = tuple(_start(self.tiles[0], letter) for letter in "TZC")
        for tile in self.tiles:
            if tuple(_start(tile, letter) for letter in "TZC") == first:
                (y0, h, _), (x0, w, _) = tile.spans["Y"], tile.spans["X"]
                rows, columns = (
                    slice(round((start - begin) / step), round((start - begin + length) / step))
                    for start, begin, length in ((y0, y, h), (x0, x, w))
                )
                seen[rows, columns] = True
        return 1 - seen.mean()


def places_of(directory: Directory, name: str) -> tuple[Place, ...]:
    """Group the tiles of a file by scene.

    Parameters
    ----------
    directory : Directory
    name : str
        Name of the file for messages.

    Returns
    -------
    tuple of Place
        In the order of the scenes' numbers; one without a number for a file that has none.

    Raises
    ------
    InputError
        When the file holds no picture, or raw data that are no pictures yet.
    """
    for letter, what in _RAW.items():
        numbers = {_start(tile, letter) for tile in directory.tiles}
        if len(numbers) > 1:
            raise InputError(
                f"{name!r} holds raw data of {len(numbers)} {what}; let ZEN process them (SIM, Airyscan, "
                "light sheet) and save the result"
            )
    by_scene: dict[int | None, list[Tile]] = defaultdict(list)
    for tile in directory.tiles:
        by_scene[tile.spans["S"].start if "S" in tile.spans else None].append(tile)
    numbers = sorted(number for number in by_scene if number is not None) or [None]
    places = [_place(number, by_scene[number]) for number in numbers]
    if not (found := tuple(place for place in places if place.tiles)):
        raise InputError(f"{name!r} holds no picture; save it anew in ZEN")
    return found


def _place(number: int | None, tiles: Sequence[Tile]) -> Place:
    full = tuple(tile for tile in tiles if tile.shrink == 1)
    area: dict[int, int] = defaultdict(int, {1: 0})
    for tile in tiles:
        area[tile.shrink] += tile.spans["Y"].size * tile.spans["X"].size
    shrinks = sorted(shrink for shrink in area if shrink == 1 or area[shrink] >= _LEVEL_COVERAGE * area[1])
    return Place(number, full, tuple(shrinks), tuple(tile for tile in tiles if tile.shrink in shrinks[1:]))


def _start(tile: Tile, letter: str) -> int:
    return tile.spans[letter].start if letter in tile.spans else 0
