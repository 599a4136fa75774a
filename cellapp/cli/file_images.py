"""The images of the files a command was given: which scenes and time points are meant, and their folders of results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cellapp.cli.output import note
from cellapp.errors import CellappError

if TYPE_CHECKING:
    from cellapp.types.image import ImageInfo, Selection, Slide

Scene = Annotated[str, typer.Option(metavar="N|all", help="Scene, position or well field of each file, from 1.")]
Time = Annotated[str, typer.Option(metavar="N|all", help="Time point of each scene, from 1.")]
Depth = Annotated[
    str | None,
    typer.Option(metavar="max|mean|sharpest|N", help="How planes of depth become one, or which to take; else max."),
]


@dataclass(frozen=True)
class FileImage:
    """One image of a file, and the folder name of its results."""

    path: Path
    selection: Selection
    stem: str

    @property
    def open(self) -> Callable[[], Slide]:
        """What opens the image, in this process or in another one."""
        return partial(_open, self.path.resolve(), self.selection)


def list_file_images(paths: Sequence[Path], out: Path, *, scene: str, time: str, depth: str) -> list[FileImage]:
    """List the images to work on, in the order of the files, and note once for each file what has to be known of it.

    Parameters
    ----------
    paths : sequence of Path
    out : Path
        Folder of the results, for the notes.
    scene, time : str
        A number from 1, or "all".
    depth : str
        Rule for depth, see `cellapp.types.image.Selection`.

    Returns
    -------
    list of FileImage
        A file that cannot be read is in it as one image, which raises the error when it is opened.

    Raises
    ------
    InputError
        When `scene`, `time` or `depth` is nothing that can be chosen.
    """
    from cellapp.images.choice import parse_number
    from cellapp.types.image import Selection

    wanted = parse_number(scene, "scene"), parse_number(time, "time point")
    first = Selection(wanted[0] or 0, wanted[1] or 0, depth)
    chosen = [(path, *one) for path in paths for one in _images_of(path, first, *wanted)]
    stems = folder_names([path for path, *_ in chosen], out, [suffix for *_, suffix in chosen])
    return [FileImage(path, selection, stem) for (path, selection, _), stem in zip(chosen, stems, strict=True)]


def folder_names(paths: Sequence[Path], out: Path, suffixes: Sequence[str] = ()) -> tuple[str, ...]:
    """Return a folder name per image; where it does not tell the file, because names met or had other signs, note it.

    Parameters
    ----------
    paths : sequence of Path
        File of each image.
    out : Path
        Folder of the results.
    suffixes : sequence of str, optional
        What tells the images of a file apart, see `cellapp.types.image.ImageInfo.suffix`; one image each when left out.
    """
    from cellapp.files import image_stems, safe_stem

    ends = suffixes or [""] * len(paths)
    stems = image_stems((path.name, str(path), end) for path, end in zip(paths, ends, strict=True))
    n_alike = Counter(safe_stem(path.name).lower() for path in dict.fromkeys(paths))
    for stem, path, end in zip(stems, paths, ends, strict=True):
        start = stem.removesuffix(end)
        if n_alike[safe_stem(path.name).lower()] > 1 or not f"{path.name}.".startswith(f"{start}."):
            note(f"cellapp: {out / stem} is of {str(path)!r}")
    return stems


def _images_of(path: Path, first: Selection, scene: int | None, time: int | None) -> Iterator[tuple[Selection, str]]:
    from cellapp.images.choice import choose
    from cellapp.images.probe import probe_all

    try:
        images = choose(probe_all(path, depth=first.depth), scene, time)
    except CellappError:  # told, beside what became of the other files, by whoever opens it
        yield first, ""
        return
    _note_once(path, images)
    yield from ((info.selection, info.suffix) for info in images)


def _note_once(path: Path, images: Sequence[ImageInfo]) -> None:
    for sentence in dict.fromkeys(sentence for info in images for sentence in info.notes):
        note(f"cellapp: {path.name}: {sentence}")


def _open(path: Path, selection: Selection) -> Slide:
    from cellapp.config import app_settings
    from cellapp.images.read import open_slide

    return open_slide(path, selection=selection, budget=app_settings().budget)
