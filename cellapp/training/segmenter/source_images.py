"""Labelled images for training and validation: real ones from an index, synthetic ones from seeds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np

from cellapp.errors import InputError
from cellapp.images.formats.inside import inside
from cellapp.images.read import open_slide
from cellapp.segmentation.label_image import drop_small, read_labels, relabel
from cellapp.synthetic.field import as_slide, render_field
from cellapp.synthetic.settings import SyntheticSettings
from cellapp.text_table import read_table
from cellapp.types.image import Slide

SOURCES = ("dsb2018", "usiigaci")
FRAGMENT_PX = 100  # smaller labels of usiigaci are artefacts of its annotation tool
MIN_TO_HOLD_OUT = 20  # training images of a set; smaller sets hold none out
SYNTHETIC_SEEDS = {"train": 1000, "choose": 5000, "val": 9000}


class Kind(StrEnum):
    """How an image was made; figures are reported by it."""

    FLUORESCENCE = "fluorescence"
    STAINED = "stained_or_colour"
    BRIGHTFIELD = "brightfield_gray"
    PHASE = "phase"
    SYNTHETIC = "synthetic"


@dataclass(frozen=True, eq=False)
class LabelledImage:
    """An image with its truth."""

    name: str
    kind: Kind
    slide: Slide
    labels: np.ndarray  # (Y, X) int32


def read_labelled_images(data: Path, split: str, n_synthetic: int, held_out: float = 0.0) -> Iterator[LabelledImage]:
    """Read the images of a split, one after the other.

    Parameters
    ----------
    data : Path
        Folder with ``dsb2018`` and ``usiigaci``, each with ``index.csv`` (columns id or file, split, and type),
        ``images`` and ``labels``; an absent folder is skipped.
    split : {"train", "choose", "val"}
        "choose" is the part of the index's "train" that is held out, for the choice of designs and settings.
    n_synthetic : int
        Synthetic images beside them, from seeds that the splits do not share.
    held_out : float
        Share of the index's "train" that is held out.

    Raises
    ------
    InputError
        When there are no images.
    """
    rows = [(data / source, row) for source in SOURCES for row in _rows(data / source, split, held_out)]
    if not rows and n_synthetic == 0:
        raise InputError(f"no {split} images in {str(data)!r}: it needs {' or '.join(SOURCES)} with an index.csv")
    for folder, row in rows:
        yield _read_real(folder, row)
    for at in range(n_synthetic):
        yield _render(SYNTHETIC_SEEDS[split] + at)


def is_held_out(name: str, share: float) -> bool:
    """Return whether a training image is held out: decided by a hash of its name, so that all runs agree."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4]) < share * 2**32


def any_held_out(data: Path, share: float) -> bool:
    """Return whether that share of the training images holds any image out, see `read_labelled_images`."""
    return share > 0 and any(_rows(data / source, "choose", share) for source in SOURCES)


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


def _read_real(folder: Path, row: dict[str, str]) -> LabelledImage:
    stem = _stem(row)
    kind = Kind(row["type"]) if "type" in row else Kind.PHASE
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
