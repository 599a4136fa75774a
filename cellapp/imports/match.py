"""Which file of labels belongs to which image: by the image's name, with what programs put after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from cellapp.errors import InputError
from cellapp.files import without_litter
from cellapp.imports.label_file import FORMATS, SUFFIXES

_OF_A_FOLDER = ("labels.tif", "outlines.geojson")  # in folders of `analyse` and `segment`, named like the image
_AFTER = ("", "_seg", "_cp_masks", "_masks", "_mask", "_labels", "_label", "_rois", "_cp_rois", "-labels", "-mask")


def label_files_of(path: Path) -> list[Path]:
    """Return the files with labels at a place, one for each name, sorted.

    Parameters
    ----------
    path : Path
        A file; a folder of them; a folder of ``analyse`` or ``segment``, or one with a folder for each image.

    Raises
    ------
    InputError
        When there is none.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise InputError(f"no file or folder {str(path)!r} with labels")
    if own := _of_folder(path):
        return [own]
    children = sorted(without_litter(path.iterdir(), path))
    nested = [found for child in children if child.is_dir() and (found := _of_folder(child))]
    flat = [child for child in children if child.is_file() and child.suffix.lower() in SUFFIXES]
    if not (nested or flat):
        raise InputError(f"no labels in {path.name!r}; it takes, named like the images: {FORMATS}")
    return nested or flat


def match_labels(files: Sequence[Path], stems: Sequence[str]) -> dict[str, Path]:
    """Return the file of labels of each image that has one.

    Parameters
    ----------
    files : sequence of Path
        See `label_files_of`.
    stems : sequence of str
        Names of images, without suffix.

    Returns
    -------
    dict
        Stem -> file. A single file belongs to a single image whatever it is called, and a COCO file or a table of run
        lengths to each image that has no other.

    Raises
    ------
    InputError
        When none belongs to an image, or two belong to one.
    """
    if len(files) == 1 and len(stems) == 1:
        return {stems[0]: files[0]}
    matched: dict[str, Path] = {}
    by_name = {stem.lower(): stem for stem in stems}
    for file in files:
        stem = _stem_of(file, by_name)
        if stem is not None and stem in matched:
            raise InputError(f"both {matched[stem].name!r} and {file.name!r} have labels of {stem!r}; give one of them")
        if stem is not None:
            matched[stem] = file
    of_many = [file for file in files if file.suffix.lower() in (".json", ".csv") and file not in matched.values()]
    if len(of_many) == 1:
        matched |= {stem: of_many[0] for stem in stems if stem not in matched}
    if not matched:
        raise InputError(
            f"no labels belong to an image: {_some([file.name for file in files])} and {_some(list(stems))} share no "
            "name; call each file like its image"
        )
    return matched


def name_of(file: Path) -> str:
    """Return what a file of labels is called by: its folder for the files of an analysed image."""
    return file.parent.name if file.name in _OF_A_FOLDER else file.name


def _stem_of(file: Path, by_name: Mapping[str, str]) -> str | None:
    """Return the stem of the image that a file is named like."""
    name = name_of(file)
    called = (name if name != file.name else file.name.removesuffix(file.suffix)).lower()
    for ending in _AFTER:
        for plain in (called, called.removesuffix(".ome")):
            stem = plain.removesuffix(ending)
            if plain.endswith(ending) and stem in by_name:
                return by_name[stem]
    return None


def _of_folder(folder: Path) -> Path | None:
    return next((folder / name for name in _OF_A_FOLDER if (folder / name).is_file()), None)


def _some(names: list[str]) -> str:
    return ", ".join(map(repr, names[:3])) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
