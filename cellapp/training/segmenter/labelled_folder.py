"""Any folder of images and label images: what belongs together, in which group, and which images are held out.

A folder is read by its ``index.csv`` where it has one: a column ``file``, ``image`` or ``id``, and where they are known
``labels``, ``group``, ``split`` (train or val) and ``type``. Else images lie in ``images`` and labels in ``labels`` or
``masks``, or both side by side as ``a.tif`` and ``a_seg.npy`` or ``a_masks.png``. Sub-folders of these are groups.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from cellapp.errors import InputError
from cellapp.files import IMAGE_SUFFIXES, without_litter
from cellapp.images.formats.inside import inside
from cellapp.images.read import open_slide
from cellapp.imports.label_file import SUFFIXES as LABEL_SUFFIXES
from cellapp.imports.label_file import read_label_file
from cellapp.imports.match import match_labels
from cellapp.settings import AnalyseSettings
from cellapp.text_table import read_table
from cellapp.types.image import Slide

HELD_OUT = 0.25  # share of the groups, where nothing says which images are held out
_LABEL_FOLDERS = ("labels", "masks", "truth", "label", "mask")
_FILE_COLUMNS, _VALIDATION = ("file", "image", "id"), ("val", "test", "validation", "held_out")
LAYOUTS = (
    "an index.csv with columns file and labels, folders images and labels, or files such as a.tif beside a_masks.tif "
    "or a_seg.npy"
)


@dataclass(frozen=True, eq=False)
class OwnImage:
    """An image with labels that somebody made or corrected."""

    name: str
    group: str  # images of one are never on both sides of a split
    open: Callable[[], Slide]
    read_labels: Callable[[tuple[int, int]], np.ndarray]  # for (Y, X); gives (Y, X) int32
    split: str = ""  # "train", "val", or empty where nothing says it
    kind: str = ""  # as its index calls how it was made
    settings: AnalyseSettings = field(default_factory=AnalyseSettings)
    """Channels and preprocessing with which the network reads it."""


def own_images(folder: Path) -> list[OwnImage]:
    """Find the images of a folder that have labels.

    Parameters
    ----------
    folder : Path
        See the module's first lines; two levels of sub-folders are looked through.

    Raises
    ------
    InputError
        When there is none, or an index names a file that is not there.
    """
    if not folder.is_dir():
        raise InputError(f"no folder {str(folder)!r} with images and labels")
    found = list(_images_of(folder, "", depth=2))
    if not found:
        raise InputError(f"no image with labels in {str(folder)!r}; it needs {LAYOUTS}")
    return found


def split_by_group(images: Sequence[OwnImage], share: float = HELD_OUT) -> tuple[list[OwnImage], list[OwnImage]]:
    """Return the images to train on and those held out.

    Parameters
    ----------
    images : sequence of OwnImage
        Where any says its split, those that say "val" are held out and no others.
    share : float
        Of the groups to hold out otherwise, at least one where there are two; a hash of their names decides which, so
        that every run holds out the same.

    Raises
    ------
    InputError
        When a group is on both sides, or nothing is left to train on.
    """
    if any(image.split for image in images):
        held = [image for image in images if image.split == "val"]
    else:
        groups = sorted({image.group for image in images}, key=lambda group: hashlib.sha256(group.encode()).digest())
        n_held = min(max(round(share * len(groups)), 1), len(groups) - 1) if share > 0 else 0
        held = [image for image in images if image.group in set(groups[:n_held])]
    training = [image for image in images if image not in held]
    both = {image.group for image in held} & {image.group for image in training}
    if both:
        raise InputError(f"images of group {min(both)!r} are to train on and held out; give each group one split")
    if not training:
        raise InputError("all images are held out and none is left to train on; set the split of some to train")
    return training, held


def _images_of(folder: Path, group: str, depth: int) -> Iterable[OwnImage]:
    if (folder / "index.csv").is_file() and (listed := _listed(folder, group)):
        return listed
    pictures, labels = folder / "images", next((p for n in _LABEL_FOLDERS if (p := folder / n).is_dir()), None)
    if pictures.is_dir() and labels is not None:
        return _paired(_files(pictures, tuple(IMAGE_SUFFIXES)), _files(labels, LABEL_SUFFIXES), group)
    if beside := _beside(folder, group):
        return beside
    children = [child for child in sorted(without_litter(folder.iterdir(), folder)) if child.is_dir()] if depth else []
    return [
        image
        for child in children
        for image in _images_of(child, f"{group}/{child.name}" if group else child.name, depth - 1)
    ]


def _files(folder: Path, suffixes: Sequence[str]) -> list[Path]:
    files = sorted(without_litter(folder.iterdir(), folder))
    return [file for file in files if file.is_file() and file.suffix.lower() in suffixes]


def _paired(pictures: Sequence[Path], labels: Sequence[Path], group: str) -> list[OwnImage]:
    """Pair images and label files by name; images without labels are left out."""
    by_stem = {_stem(path): path for path in pictures}
    if not (by_stem and labels):
        return []
    return [_own(by_stem[stem], file, group) for stem, file in sorted(match_labels(labels, list(by_stem)).items())]


def _beside(folder: Path, group: str) -> list[OwnImage]:
    """Pair images with label files in the same folder, which are called like them and something after it."""
    files = _files(folder, tuple({*IMAGE_SUFFIXES, *LABEL_SUFFIXES}))
    pairs = {}
    for image in (file for file in files if file.suffix.lower() in IMAGE_SUFFIXES):
        others = [file for file in files if file != image and file.name.startswith(_stem(image))]
        try:
            pairs |= {image: match_labels(others, [_stem(image), ""])[_stem(image)]} if others else {}
        except (InputError, KeyError):
            continue
    are_labels = set(pairs.values())
    return [_own(image, file, group) for image, file in pairs.items() if image not in are_labels]


def _listed(folder: Path, group: str) -> list[OwnImage]:
    """Return the images of an ``index.csv`` that have labels; none where it is a table of something else."""
    table = read_table(folder / "index.csv", [], [*_FILE_COLUMNS, "labels", "group", "split", "type"])
    column = next((name for name in _FILE_COLUMNS if name in table), None)
    labelled = next((p for n in _LABEL_FOLDERS if (p := folder / n).is_dir()), None)
    if column is None or ("labels" not in table and labelled is None):
        return []
    pictures = _by_name([folder, folder / "images"], tuple(IMAGE_SUFFIXES))
    by_name = _by_name([folder if labelled is None else labelled], LABEL_SUFFIXES)
    found = []
    for row in table.to_dict("records"):
        image = pictures.get(row[column]) or inside(folder, row[column], f"{folder.name}/index.csv")
        named = row.get("labels") or ""
        labels = by_name.get(named or _stem(image)) or (
            inside(folder, named, f"{folder.name}/index.csv") if named else None
        )
        if labels is not None:
            within = "/".join(part for part in (group, row.get("group") or "") if part)
            named_alone = not row.get("group")  # then each image is a group, so that a split is never through one
            split = {"train": "train"}.get(row.get("split", ""), "val" if row.get("split") in _VALIDATION else "")
            one = _own(image, labels, within, split, row.get("type", ""))
            found.append(replace(one, group=one.name) if named_alone else one)
    return found


def _by_name(folders: Sequence[Path], suffixes: Sequence[str]) -> dict[str, Path]:
    """Return the files of folders by their names, with and without suffix."""
    files = [file for folder in folders if folder.is_dir() for file in _files(folder, suffixes)]
    return {_stem(file): file for file in files} | {file.name: file for file in files}


def _own(image: Path, labels: Path, group: str, split: str = "", kind: str = "") -> OwnImage:
    stem = _stem(image)
    read = partial(read_label_file, labels, image=stem)
    name = f"{group}/{stem}" if group else stem
    return OwnImage(name, group or stem, partial(open_slide, image), read, split, kind)


def _stem(path: Path) -> str:
    return path.name.removesuffix(path.suffix).removesuffix(".ome")
