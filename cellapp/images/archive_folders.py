"""Which folders of a zip are one image each, and the names that images get when they come out of it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path, PurePosixPath
from zipfile import ZipInfo

from cellapp.errors import InputError
from cellapp.files import clean_name, move_into_place
from cellapp.images.formats.harmony_index import find_index
from cellapp.images.formats.ome_set import find_set
from cellapp.images.formats.zarr_layouts import MARKERS, OME_XML

Parts = tuple[str, ...]
"""Names of the folders of a member, and its own."""


def parts_of(member: ZipInfo) -> Parts:
    """Return the parts of a member's path; programs of Windows write backslashes."""
    return tuple(part for part in re.split(r"[/\\]", member.filename) if part not in ("", "."))


def zarr_folders(paths: Iterable[Parts]) -> list[Parts]:
    """Return the outermost folders of a zip that are Zarr images, whatever their names.

    Parameters
    ----------
    paths : iterable of Parts
        Of every member.

    Returns
    -------
    list of Parts
        The empty path where the zip itself is one. A folder with OME-XML beside its Zarr group, which bioformats2raw
        wrote before its layout 3, is one image with it.
    """
    there = set(paths)
    found = {path[:-1] for path in there if path and path[-1] in MARKERS}
    found |= {path[: i + 1] for path in there for i, part in enumerate(path[:-1]) if part.lower().endswith(".zarr")}
    found |= {path[:-1] for path in found if path and (*path[:-1], OME_XML) in there}
    return [path for path in sorted(found) if not any(path[:i] in found for i in range(len(path)))]


@dataclass
class Unpacked:
    """The images that one folder of a zip holds itself, unpacked into a folder of their own."""

    root: Parts
    folder: Path
    is_zarr: bool
    files: list[tuple[Parts, Path]] = field(default_factory=list)

    def take(self, parts: Parts) -> Path:
        """Return where a member goes."""
        if self.is_zarr:
            target = self.folder.joinpath(*map(clean_name, parts[len(self.root) :]))
        else:
            target = self.folder / _free_name(parts[-1:], {path.name.lower() for _, path in self.files})
        self.files.append((parts, target))
        return target

    @property
    def is_one_image(self) -> bool:
        """Whether the whole folder is one image: Zarr, a measurement with its index, or a set that is complete."""
        try:
            return self.is_zarr or find_index(self.folder) is not None or find_set(self.folder, "") is not None
        except InputError:
            return False  # each of its files tells what is wrong


def move_out(folders: Iterable[Unpacked], into: Path, zip_stem: str) -> list[Path]:
    """Move what was unpacked into one folder, under names that differ without regard to case.

    Parameters
    ----------
    folders : iterable of Unpacked
        In the order of the zip.
    into : Path
    zip_stem : str
        Name of a folder that is the whole zip.

    Returns
    -------
    list of Path
        One per image.
    """
    taken: set[str] = set()
    moved = []
    for unpacked in folders:
        whole = unpacked.is_one_image
        name = ("_".join(unpacked.root) or zip_stem,)
        for parts, source in [(name, unpacked.folder)] if whole else unpacked.files:
            target = into / _free_name(parts, taken)
            taken.add(target.name.lower())
            move_into_place(source, target)
            moved.append(target)
    return moved


def _free_name(parts: Parts, taken: set[str]) -> str:
    """Return the file's own name, else with its folders in front, else with a number: the first that is free."""
    folders = clean_name("_".join(parts))
    long = PurePosixPath(folders)
    candidates = chain((clean_name(parts[-1]), folders), (f"{long.stem}_{n}{long.suffix}" for n in count(2)))
    return next(candidate for candidate in candidates if candidate.lower() not in taken)
