"""Pairs of images: cells are found on a reference, and measured, cut and classified on the image of the same name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cellapp.errors import InputError
from cellapp.files import without_image_suffix

if TYPE_CHECKING:
    from cellapp.cli.file_images import FileImage
    from cellapp.types.image import Slide

Reference = Annotated[
    Path | None,
    typer.Option(
        "--reference", metavar="FOLDER|FILE", help="Find cells on the image of the same name there; measure on INPUT."
    ),
]


def pair(
    images: Sequence[FileImage], references: Sequence[FileImage], where: Path
) -> list[tuple[FileImage, Callable[[], Slide]]]:
    """Find the reference of each image.

    Parameters
    ----------
    images, references : sequence of FileImage
        One of each need no names in common; else names without their suffixes are equal, and scene and time point.
    where : Path
        What the user named, for the message.

    Returns
    -------
    list of (FileImage, callable)
        Each image with what opens its reference.

    Raises
    ------
    InputError
        When an image has no reference, or two.
    """
    if len(images) == len(references) == 1:
        return [(images[0], references[0].open)]
    by_key: dict[tuple[str, str], FileImage] = {}
    for one in references:
        if _key(one) in by_key:
            raise InputError(f"{str(where)!r} has two images that are called {_shown(one)!r}; leave one of them out")
        by_key[_key(one)] = one
    without = [one for one in images if _key(one) not in by_key]
    if without:
        names = ", ".join(repr(_shown(one)) for one in without[:5]) + (" …" if len(without) > 5 else "")
        raise InputError(f"{str(where)!r} has no image of the name of {names}; a reference is called like its image")
    return [(one, by_key[_key(one)].open) for one in images]


def _key(image: FileImage) -> tuple[str, str]:
    return without_image_suffix(image.name).lower(), image.suffix


def _shown(image: FileImage) -> str:
    return image.name + image.suffix
