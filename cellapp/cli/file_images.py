"""The images of the files a command was given: which scenes and time points are meant, and their folders of results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cellapp.cli.inputs import InputFile, choose_images
from cellapp.cli.output import note
from cellapp.cli.together import Together, group

if TYPE_CHECKING:
    from cellapp.types.image import Slide

Scene = Annotated[str, typer.Option(metavar="N|all", help="Scene, position or well field of each file, from 1.")]
Time = Annotated[str, typer.Option(metavar="N|all", help="Time point of each scene, from 1.")]
Depth = Annotated[
    str | None,
    typer.Option(metavar="max|mean|sharpest|N", help="How planes of depth become one, or which to take; else max."),
]


@dataclass(frozen=True)
class FileImage:
    """One image of a file, or of files that are one together, and the folder name of its results."""

    name: str  # of the file; the common name of several
    suffix: str  # what tells the images of a file apart, see `cellapp.types.image.ImageInfo.suffix`
    stem: str
    open: Callable[[], Slide]  # in this process or in another one


def list_file_images(
    files: Sequence[InputFile], out: Path | None, *, scene: str, time: str, depth: str, together: Together = Together.NO
) -> list[FileImage]:
    """List the images to work on, in the order of the files, and note once for each file what has to be known of it.

    Parameters
    ----------
    files : sequence of InputFile
    out : Path, optional
        Folder of the results, for the notes on names; without one there are none.
    scene, time : str
        A number from 1, or "all".
    depth : str
        Rule for depth, see `cellapp.types.image.Selection`.
    together : Together, optional
        Whether files of one channel each, or tiles, become one image; each file is its own when left out.

    Returns
    -------
    list of FileImage
        A file that cannot be read is in it as one image, which raises the error when it is opened.

    Raises
    ------
    InputError
        When `scene`, `time` or `depth` is nothing that can be chosen, or no files belong `together`.
    """
    from cellapp.images.choice import parse_number
    from cellapp.types.image import Selection

    wanted = parse_number(scene, "scene"), parse_number(time, "time point")
    first = Selection(wanted[0] or 0, wanted[1] or 0, depth)
    chosen = [choose_images(file, first, *wanted) for file in files]
    images = [image for one in group(chosen, together) for image in one]
    stems = folder_names(
        [Path(image.name) for image in images], out, [image.suffix for image in images], [image.of for image in images]
    )
    return [FileImage(one.name, one.suffix, stem, one.open) for one, stem in zip(images, stems, strict=True)]


def folder_names(
    paths: Sequence[Path], out: Path | None, suffixes: Sequence[str] = (), shown: Sequence[str] = ()
) -> tuple[str, ...]:
    """Return a folder name per image; where it does not tell the file, because names met or had other signs, note it.

    Parameters
    ----------
    paths : sequence of Path
        File of each image, by which it is named.
    out : Path, optional
        Folder of the results; without one nothing is noted.
    suffixes : sequence of str, optional
        What tells the images of a file apart, see `cellapp.types.image.ImageInfo.suffix`; one image each when left out.
    shown : sequence of str, optional
        What tells the files apart, for the note; their paths when left out.
    """
    from cellapp.files import image_stems, safe_stem

    ends, files = suffixes or [""] * len(paths), shown or [str(path) for path in paths]
    stems = image_stems((path.name, file, end) for path, file, end in zip(paths, files, ends, strict=True))
    n_alike = Counter(safe_stem(path.name).lower() for path, _ in dict.fromkeys(zip(paths, files, strict=True)))
    for stem, path, end, file in zip(stems, paths, ends, files, strict=True) if out is not None else ():
        start = stem.removesuffix(end)
        if n_alike[safe_stem(path.name).lower()] > 1 or not f"{path.name}.".startswith(f"{start}."):
            note(f"cellapp: {out / stem} is of {file!r}")
    return stems
