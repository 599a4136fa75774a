"""Labelled fluorescence of further laboratories: BBBC039, S-BSST265 and cFOS, each a folder with ``index.csv``."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path

from cellapp.images.formats.inside import inside
from cellapp.images.read import open_slide
from cellapp.segmentation.label_image import read_labels, relabel
from cellapp.text_table import read_table
from cellapp.training.segmenter.labelled_image import Kind, LabelledImage
from cellapp.training.segmenter.split import is_held_out

FLUORESCENCE_SETS = {"bbbc039": Kind.FIELDS, "sbsst265": Kind.FIELDS, "cfos": Kind.TISSUE}
"""Kind by name of the folder. In cFOS only the bright nuclei are labelled, on purpose: the others are background."""


def list_fluorescence(
    data: Path, split: str, held_out: float, kinds: Collection[Kind]
) -> list[Callable[[], LabelledImage]]:
    """Return what reads each image of a split; an absent folder is skipped.

    Parameters
    ----------
    data : Path
        With the folders of `FLUORESCENCE_SETS`, each with ``index.csv`` (columns file, group and split), ``images``,
        ``labels`` and perhaps ``ignore``, which is not 0 where nobody labelled.
    split : {"train", "choose", "val"}
    held_out : float
        Share of the groups of "train" that is held out.
    kinds : collection of Kind
        Those to read.
    """
    folders = [data / name for name, kind in FLUORESCENCE_SETS.items() if kind in kinds]
    return [
        partial(_read, folder, file)
        for folder in folders
        if (folder / "index.csv").is_file()
        for file in _files(folder, split, held_out)
    ]


def _files(folder: Path, split: str, held_out: float) -> list[str]:
    table = read_table(folder / "index.csv", ["file", "split"], ["group"])
    rows = table[table["split"] == ("train" if split == "choose" else split)].to_dict("records")
    if split == "val":
        return [row["file"] for row in rows]
    held = {row["file"] for row in rows if is_held_out(row.get("group") or row["file"], held_out)}
    return [row["file"] for row in rows if (row["file"] in held) == (split == "choose")]


def _read(folder: Path, file: str) -> LabelledImage:
    stem = Path(file).stem
    picture, labelled = (
        inside(folder, one, f"{folder.name}/index.csv") for one in (f"images/{file}", f"labels/{stem}.png")
    )
    ignore = folder / "ignore" / f"{stem}.png"
    return LabelledImage(
        f"{folder.name}_{stem}",
        FLUORESCENCE_SETS[folder.name],
        open_slide(picture),
        relabel(read_labels(labelled)),
        read_labels(ignore) > 0 if ignore.is_file() else None,
    )
