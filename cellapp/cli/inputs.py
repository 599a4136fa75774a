"""INPUT as files: folders, globs and zips become the image files they hold, each once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from zipfile import is_zipfile

from cellapp.cli.options import expand_inputs
from cellapp.cli.output import note
from cellapp.errors import CellappError, InputError, first_names
from cellapp.files import is_litter

if TYPE_CHECKING:
    from cellapp.types.image import ImageInfo, Selection

_SHOWN = 5


@dataclass(frozen=True)
class InputFile:
    """An image file to work on."""

    path: Path  # what to open
    shown: str  # what the user knows it by: a path, or "plate.zip: a.tif"
    problem: str | None = None  # why it cannot be opened, where that is known already


@dataclass(frozen=True)
class Chosen:
    """The chosen images of one file, whose headers were read; none and a reason where the file cannot be read."""

    file: InputFile
    infos: tuple[ImageInfo, ...] = ()
    problem: str | None = None
    first: Selection | None = None  # what to open where there is no header


@contextmanager
def input_files(inputs: Sequence[str], out: Path) -> Iterator[list[InputFile]]:
    """Give the image files that INPUT names; those of zips are unpacked until the block ends.

    Parameters
    ----------
    inputs : sequence of str
        Files, folders, globs and zips.
    out : Path
        Of the results: beside them, where the machines of a cluster see it, too, zips are unpacked.

    Yields
    ------
    list of InputFile
        An OME-TIFF set or a measurement is one file. A zip that cannot be unpacked is one with the reason, and so is
        what a folder has as a link that leads out of it.

    Raises
    ------
    InputError
        When one of `inputs` names nothing.
    """
    files = [_of_path(path, inputs) for path in expand_inputs(inputs)]
    if not any(map(_is_zip, files)):
        yield files
        return
    home = next(folder for folder in (out.absolute(), *out.absolute().parents) if folder.is_dir())
    with TemporaryDirectory(prefix=".cellapp-zip-", dir=home) as folder:
        yield [
            file
            for n, given in enumerate(files)
            for file in (_unpacked(given.path, Path(folder) / str(n)) if _is_zip(given) else [given])
        ]


def _of_path(path: Path, inputs: Sequence[str]) -> InputFile:
    """Refuse a link that leads out of the folder that was named; a link that was named itself is meant."""
    from cellapp.images.formats.inside import check_inside

    try:
        if path not in map(Path, inputs) and path.parent in map(Path, inputs):
            check_inside(path.parent, path)
    except InputError as error:
        return InputFile(path, str(path), str(error))
    return InputFile(path, str(path))


def _is_zip(file: InputFile) -> bool:
    path = file.path
    try:
        there = file.problem is None and path.is_file() and path.stat().st_size > 0
        return there and is_zipfile(path) and _starts_like_zip(path)
    except OSError:
        return False  # whoever opens it tells


def _starts_like_zip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"PK"  # a TIFF may have a zip behind it


def _unpacked(path: Path, folder: Path) -> list[InputFile]:
    from cellapp.config import app_settings
    from cellapp.images.archive import extract_images

    folder.mkdir()
    skipped: list[str] = []
    try:
        members = extract_images(path, folder, app_settings().budget, skipped.append)
    except InputError as error:
        return [InputFile(path, str(path), str(error))]
    _note_skipped(path, [name for name in skipped if not is_litter(name)])
    if not members:
        return [InputFile(path, str(path), f"{path.name!r} has no image in it; put images into the zip")]
    return [InputFile(member, f"{path}: {member.name}") for member in members]


def _note_skipped(path: Path, names: Sequence[str]) -> None:
    if names:
        shown = first_names([*map(repr, names)], _SHOWN)
        note(f"cellapp: {path.name}: left out, as no image that can be read: {shown}")


def choose_images(file: InputFile, first: Selection, scene: int | None, time: int | None) -> Chosen:
    """Read the headers of a file and choose from its images; what has to be known of it is noted, once.

    Parameters
    ----------
    file : InputFile
    first : Selection
        With the rule for depth.
    scene, time : int, optional
        From 0; every one when None.
    """
    from cellapp.images.choice import choose
    from cellapp.images.probe import probe_all

    if file.problem is not None:
        return Chosen(file, problem=file.problem)
    try:
        infos = choose(probe_all(file.path, depth=first.depth), scene, time)
    except CellappError:  # told, beside what became of the other files, by whoever opens it
        return Chosen(file, first=first)
    for sentence in dict.fromkeys(sentence for info in infos for sentence in info.notes):
        note(f"cellapp: {file.path.name}: {sentence}")
    return Chosen(file, infos)
