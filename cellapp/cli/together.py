"""Files that are one image together: a file per channel, and tiles. Joined on request, told where they look like it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cellapp.cli.output import note
from cellapp.errors import InputError

if TYPE_CHECKING:
    from cellapp.cli.inputs import Chosen
    from cellapp.images.openers import OneFile
    from cellapp.types.image import Slide

Combine = Annotated[bool, typer.Option("--combine", help="Make one image of files that differ only in a channel mark.")]
JoinTiles = Annotated[
    bool,
    typer.Option(
        "--join-tiles", help="Put tiles named by row and column together, edge to edge; overlaps are not looked for."
    ),
]


class Together(StrEnum):
    """Which files become one image."""

    NO = ""
    CHANNELS = "--combine"
    TILES = "--join-tiles"

    @classmethod
    def of(cls, combine: bool, join_tiles: bool) -> Together:
        """Return what two options ask for.

        Raises
        ------
        InputError
            For both at once.
        """
        if combine and join_tiles:
            raise InputError("files are one per channel or one per tile: give --combine or --join-tiles, not both")
        return cls.CHANNELS if combine else cls.TILES if join_tiles else cls.NO


@dataclass(frozen=True)
class Opened:
    """One image to be: what it is called, what tells it from others, and what opens it."""

    name: str
    suffix: str
    of: str  # files, as the user knows them
    open: Callable[[], Slide]


@dataclass(frozen=True)
class _Group:
    name: str
    members: tuple[str, ...]  # file names, in the order of channels or tiles
    make: Callable[[tuple[OneFile, ...]], Callable[[], Slide]]
    hint: str
    of_channels: bool
    missing: tuple[str, ...] = ()


def group(chosen: Sequence[Chosen], together: Together) -> Iterator[list[Opened]]:
    """Give the images of files, those of files that belong together once.

    Parameters
    ----------
    chosen : sequence of Chosen
        In the order of the files.
    together : Together

    Yields
    ------
    list of Opened
        For each file, or group of files in the place of its first.

    Raises
    ------
    InputError
        When no files belong `together`, or a tile is missing.
    """
    groups = list(_groups(chosen, together))
    for found, _ in groups if together else ():
        if found.missing:
            raise InputError(
                f"{found.name!r} lacks tiles: {', '.join(map(repr, found.missing[:5]))}; put them beside the others"
            )
    if together and not groups:
        what = "differ only in a channel mark" if together is Together.CHANNELS else "are tiles named by row and column"
        raise InputError(f"{together}: no files of {len(chosen)} {what}; leave it out, or rename the files")
    member_of = {id(one): members for _, members in groups for one in members} if together else {}
    if not together:
        _note_groups(groups)
    made = {id(members[0]): group for group, members in groups} if together else {}
    for one in chosen:
        if id(one) in made:
            _note_joined(made[id(one)], member_of[id(one)])
            yield _join(made[id(one)], member_of[id(one)])
        elif id(one) not in member_of:
            yield list(_single(one))


def _note_joined(group: _Group, members: Sequence[Chosen]) -> None:
    how = "as its channels" if group.of_channels else "edge to edge; overlaps are not looked for"
    note(f"cellapp: {group.name}: put together from {members[0].file.shown} and {len(members) - 1} more, {how}")


def _single(one: Chosen) -> Iterator[Opened]:
    from cellapp.images.openers import OneFile, Refused

    name, shown, path = one.file.path.name, one.file.shown, one.file.path.absolute()
    if one.problem is not None:
        yield Opened(name, "", shown, Refused(one.problem))
    elif not one.infos:
        yield Opened(name, "", shown, OneFile(path, one.first))
    for info in one.infos:
        yield Opened(name, info.suffix, shown, OneFile(path, info.selection))


def _join(group: _Group, members: Sequence[Chosen]) -> list[Opened]:
    from cellapp.images.openers import OneFile, Refused

    shown = " + ".join(member.file.shown for member in members[:3]) + (" + …" if len(members) > 3 else "")
    unread = next((one for one in members if not one.infos), None)
    if unread is not None:
        return [next(_single(unread))]  # tells why when it is opened
    if len({len(one.infos) for one in members}) > 1:
        counts = ", ".join(f"{one.file.path.name!r} has {len(one.infos)}" for one in members[:5])
        return [Opened(group.name, "", shown, Refused(f"files of one image hold equally many images; {counts}"))]
    return [
        Opened(
            group.name,
            infos[0].suffix,
            shown,
            group.make(
                tuple(OneFile(o.file.path.absolute(), info.selection) for o, info in zip(members, infos, strict=True))
            ),
        )
        for infos in zip(*(one.infos for one in members), strict=True)
    ]


def _groups(chosen: Sequence[Chosen], together: Together) -> Iterator[tuple[_Group, list[Chosen]]]:
    """Find what belongs together in each folder; without a request what looks like it, tiles first."""
    folders: dict[Path, dict[str, Chosen]] = defaultdict(dict)
    for one in chosen:
        folders[one.file.path.parent][one.file.path.name] = one
    for files in folders.values():
        names = list(files)
        if together is not Together.CHANNELS:
            for found in _tiles(names):
                yield found, [files[name] for name in found.members]
                names = [name for name in names if name not in found.members]
        if together is not Together.TILES:
            for found in _channels(names):
                yield found, [files[name] for name in found.members]


def _channels(names: Sequence[str]) -> Iterator[_Group]:
    from cellapp.images.channel_files import channel_marks, group_channel_files
    from cellapp.images.openers import ChannelFiles

    for name, members in group_channel_files(names).items():
        shown = name + Path(members[0]).suffix
        make = partial(ChannelFiles, channels=channel_marks(members), name=shown)
        yield _Group(shown, tuple(members), make, "one image, a file per channel: --combine makes it one", True)


def _tiles(names: Sequence[str]) -> Iterator[_Group]:
    from cellapp.images.openers import TileFiles
    from cellapp.images.tile_grid import group_tiles

    for grid in group_tiles(names):
        shown = grid.name + Path(names[0]).suffix
        make = partial(TileFiles, n_columns=len(grid.rows[0]), name=shown)
        hint = f"tiles of one image, {grid.size}: --join-tiles puts them together, edge to edge"
        if grid.missing:
            hint += f", once {', '.join(map(repr, grid.missing[:5]))} is there, too"
        there = tuple(name for name in grid.files if name not in grid.missing)
        yield _Group(shown, there, make, hint, False, grid.missing)


def _note_groups(groups: Sequence[tuple[_Group, list[Chosen]]]) -> None:
    """Note which files look like one image: all of one size, and a file per channel of one channel or colour."""
    for found, members in groups:
        infos = [info for one in members for info in one.infos]
        alike = len({info.shape for info in infos}) == 1 and all(one.infos for one in members)
        if alike and (not found.of_channels or infos[0].shape[0] in (1, 3)):
            note(f"cellapp: {members[0].file.shown} and {len(members) - 1} more look like {found.hint}")
