"""Loose files that are one image together: found among others, counted once, and put into a folder of their own."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from cellapp.errors import InputError
from cellapp.files import move_into_place
from cellapp.images.formats.detect import detect
from cellapp.images.formats.sniff import reading
from cellapp.images.set_members import set_members


def is_one_image(folder: Path) -> bool:
    """Whether a folder is one image file itself: OME-Zarr under any name, or an Operetta measurement.

    A folder that holds one OME-TIFF set is a folder of files: the set has the name of its first file then.
    """
    try:
        return folder.is_dir() and detect(folder, folder.name) in ("ome-zarr", "harmony")
    except (InputError, OSError):
        return False  # each file in it tells what is wrong


def image_files(paths: Iterable[Path]) -> dict[Path, tuple[Path, ...]]:
    """Return one path for each image file among some paths.

    Parameters
    ----------
    paths : iterable of Path
        Files, and folders that are one image.

    Returns
    -------
    dict of Path to tuple of Path
        What to open -> all files that belong to it, in the order of `paths`. Members of an OME-TIFF set stand for their
        set once, by its first file, also where only some of them are among `paths`; so do the files beside the index of
        a measurement, which stands for them.
    """
    paths = list(dict.fromkeys(paths))
    found: dict[Path, tuple[Path, ...]] = {}
    set_of: dict[Path, Path] = {}
    for path in sorted(paths, key=lambda path: path.suffix.lower() != ".xml"):  # an index tells before its pictures
        if _place(path) not in set_of:
            members = _members(path)
            found[members[0]] = members
            set_of |= {_place(member): members[0] for member in members}
    return {first: found[first] for first in dict.fromkeys(set_of[_place(path)] for path in paths)}


def gather_sets(files: Sequence[Path], into: Path) -> list[Path]:
    """Move the files of each set into a folder of its own, so that one path is the whole image.

    Parameters
    ----------
    files : sequence of Path
        In one folder.
    into : Path
        Where the folders go, on the same disk; each is named after the set's first file.

    Returns
    -------
    list of Path
        Files that stay where they are and folders of sets, in the order of `files`. Files of a set that is not complete
        stay: each tells what is missing when it is opened.
    """
    gathered = []
    for first, members in image_files(files).items():
        if len(members) == 1:
            gathered.append(first)
            continue
        folder = into / first.name
        folder.mkdir(parents=True)
        for member in members:
            move_into_place(member, folder / member.name)
        gathered.append(folder)
    return gathered


def _members(path: Path) -> tuple[Path, ...]:
    try:
        with reading(path.name):
            return set_members(path)
    except InputError:
        return (path,)  # whoever opens it tells


def _place(path: Path) -> str:
    return os.path.abspath(path)  # unlike `resolve`, it asks no disk
