"""Labelled images for training and validation: real ones from an index, synthetic ones from seeds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from cellapp.errors import InputError
from cellapp.images.formats.inside import inside
from cellapp.images.read import open_slide
from cellapp.segmentation.label_image import drop_small, read_labels, relabel
from cellapp.synthetic.field import as_slide, render_field
from cellapp.synthetic.label_free import Contrast, render_label_free
from cellapp.synthetic.long_cells import render_long_cells
from cellapp.synthetic.settings import SyntheticSettings
from cellapp.text_table import read_table
from cellapp.training.segmenter.fluorescence_sets import list_fluorescence
from cellapp.training.segmenter.labelled_image import SIMULATED, Kind, LabelledImage
from cellapp.training.segmenter.own_sources import list_own
from cellapp.training.segmenter.smears import list_smears
from cellapp.training.segmenter.split import is_held_out
from cellapp.types.image import ImageInfo, Slide

SOURCES = ("dsb2018", "usiigaci")
FRAGMENT_PX = 100  # smaller labels of usiigaci are artefacts of its annotation tool
MIN_TO_HOLD_OUT = 20  # training images of a set; smaller sets hold none out
SYNTHETIC_SEEDS = {"train": 1000, "choose": 5000, "val": 9000}


def read_labelled_images(
    data: Path,
    split: str,
    n_synthetic: int,
    held_out: float = 0.0,
    *,
    n_label_free: int = 0,
    kinds: Collection[Kind] = tuple(Kind),
) -> Iterator[LabelledImage]:
    """Read the images of a split, one after the other; parameters and errors are those of `list_images`."""
    for task in list_images(data, split, n_synthetic, held_out, n_label_free=n_label_free, kinds=kinds):
        yield task()


def list_images(
    data: Path,
    split: str,
    n_synthetic: int,
    held_out: float = 0.0,
    *,
    n_label_free: int = 0,
    kinds: Collection[Kind] = tuple(Kind),
) -> list[Callable[[], LabelledImage]]:
    """Return what reads or draws each image of a split; picklable, so that any process can do it.

    Parameters
    ----------
    data : Path
        Folder with ``dsb2018`` and ``usiigaci``, each with ``index.csv`` (columns id or file, split, and type),
        ``images`` and ``labels``, and with the folders of `cellapp.training.segmenter.fluorescence_sets` and
        `cellapp.training.segmenter.smears`; an absent folder is skipped. Where none is there, any folder that
        `cellapp.training.segmenter.labelled_folder` reads.
    split : {"train", "choose", "val"}
        "choose" is the part of the index's "train" that is held out, for the choice of designs and settings.
    n_synthetic : int
        Synthetic images of fluorescence beside them, as many of whole cells as of long ones, from seeds that the splits
        do not share.
    held_out : float
        Share of the index's "train" that is held out.
    n_label_free : int
        Images of each kind in `SIMULATED`, from seeds that the splits do not share.
    kinds : collection of Kind
        Those to read.

    Raises
    ------
    InputError
        When there are no images.
    """
    rows = [(data / source, row) for source in SOURCES for row in _rows(data / source, split, held_out)]
    tasks = [partial(_read_real, folder, row) for folder, row in rows if _kind(row) in kinds]
    tasks += list_fluorescence(data, split, held_out, kinds)
    tasks += list_own(data, split, held_out)
    tasks += list_smears(data, split) if Kind.SMEAR in kinds else []
    seeds = range(SYNTHETIC_SEEDS[split], SYNTHETIC_SEEDS[split] + n_synthetic)
    tasks += [partial(_render, seed) for seed in seeds if Kind.SYNTHETIC in kinds]
    tasks += [partial(_render_long, seed) for seed in seeds if Kind.LONG in kinds]
    seeds = range(SYNTHETIC_SEEDS[split], SYNTHETIC_SEEDS[split] + n_label_free)
    tasks += [partial(_draw, contrast, seed) for contrast, kind in SIMULATED.items() if kind in kinds for seed in seeds]
    if not tasks:
        raise InputError(f"no {split} images in {str(data)!r}: it needs {' or '.join(SOURCES)} with an index.csv")
    return tasks


def any_held_out(data: Path, share: float, kinds: Collection[Kind] = tuple(Kind)) -> bool:
    """Return whether that share of the training images of some kinds holds any image out, see `list_images`."""
    rows = (row for source in SOURCES for row in _rows(data / source, "choose", share)) if share else ()
    return any(_kind(row) in kinds for row in rows)


def _rows(folder: Path, split: str, held_out: float) -> list[dict[str, str]]:
    if not (folder / "index.csv").is_file():
        return []
    table = read_table(folder / "index.csv", ["split"], ["id", "file", "type"])
    rows = table[table["split"] == ("train" if split == "choose" else split)].to_dict("records")
    if split == "val":
        return rows
    share = held_out if len(rows) >= MIN_TO_HOLD_OUT else 0.0
    return [row for row in rows if is_held_out(_stem(row), share) == (split == "choose")]


def _stem(row: dict[str, str]) -> str:
    return row.get("id") or row["file"]


def _kind(row: dict[str, str]) -> Kind:
    return Kind(row["type"]) if "type" in row else Kind.PHASE


def _read_real(folder: Path, row: dict[str, str]) -> LabelledImage:
    stem = _stem(row)
    kind = _kind(row)
    files = (f"images/{stem}.png", f"labels/{stem}.png")
    picture, labelled = (inside(folder, file, f"{folder.name}/index.csv") for file in files)
    labels = read_labels(labelled)
    labels = relabel(drop_small(labels, FRAGMENT_PX) if kind is Kind.PHASE else labels)
    return LabelledImage(f"{folder.name}_{stem}", kind, open_slide(picture), labels)


def _render(seed: int) -> LabelledImage:
    rng = np.random.default_rng(seed)
    settings = SyntheticSettings(
        height=384,
        width=384,
        seed=seed,
        density=rng.uniform(0.15, 0.8),
        touching=rng.uniform(0, 0.7),
        noise=rng.uniform(0, 1.5),
        illumination=rng.uniform(0, 0.7),
        cancer_fraction=rng.uniform(0, 1),
        cell_diameter_um=rng.choice([20.0, 26.0, 32.0, 40.0]),
        um_per_px=1.0,
    )
    pixels, labels, _ = render_field(settings)
    return LabelledImage(f"synthetic_{seed}", Kind.SYNTHETIC, as_slide(pixels, settings), relabel(labels))


def _render_long(seed: int) -> LabelledImage:
    pixels, labels = render_long_cells(seed)
    name = f"{Kind.LONG}_{seed}"
    return LabelledImage(name, Kind.LONG, _one_plane(name, pixels), labels)


def _draw(contrast: Contrast, seed: int) -> LabelledImage:
    pixels, labels = render_label_free(contrast, seed)
    name = f"{SIMULATED[contrast]}_{seed}"
    return LabelledImage(name, SIMULATED[contrast], _one_plane(name, pixels), labels)


def _one_plane(name: str, pixels: np.ndarray) -> Slide:
    """Return the slide of gray pixels, (1, Y, X), which no file holds."""
    info = ImageInfo(
        name=name,
        format="tiff",
        shape=pixels.shape,
        dtype=str(pixels.dtype),
        channels=("gray",),
        um_per_px=None,
        levels=(pixels.shape[1:],),
        bytes_on_disk=pixels.nbytes,
    )
    return Slide(info, name, (pixels,))
