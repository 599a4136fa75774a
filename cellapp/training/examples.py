"""Labelled images to learn from and to be judged on: real ones by their index, synthetic ones by their seeds."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
from scipy.ndimage import maximum_filter, minimum_filter

from cellapp.errors import InputError
from cellapp.images.channels import assign
from cellapp.images.preprocess import Preprocessor
from cellapp.images.read import open_slide
from cellapp.segmentation.cellpose_library import flow_targets
from cellapp.segmentation.compose import LUMINANCE, has_bright_background, is_photo
from cellapp.segmentation.labels import drop_small, relabel
from cellapp.segmentation.score_files import read_labels
from cellapp.settings import PreprocessSettings
from cellapp.synthetic.field import render_field
from cellapp.synthetic.settings import SyntheticSettings
from cellapp.types import ImageInfo, Slide

SOURCES = ("dsb2018", "usiigaci")
FLOW_SCALE = 127  # flows are kept as int8
FRAGMENT_PX = 100  # smaller labels of usiigaci are left-overs of its annotation tool
SMALL_CELL, SEAM = (0.7, 2.5), 1.5  # how pixels are weighed
SPARABLE = 20  # sets with fewer training images have none to hold out
SYNTHETIC_SEEDS = {"train": 1000, "choose": 5000, "val": 9000}


class Kind(StrEnum):
    """How an image was made; figures are reported by it."""

    FLUORESCENCE = "fluorescence"
    STAINED = "stained_or_colour"
    BRIGHTFIELD = "brightfield_gray"
    PHASE = "phase"
    SYNTHETIC = "synthetic"


@dataclass(frozen=True, eq=False)
class Picture:
    """An image with its truth."""

    name: str
    kind: Kind
    slide: Slide
    labels: np.ndarray  # (Y, X) int32


@dataclass(frozen=True, eq=False)
class Example:
    """A picture ready to draw crops from."""

    kind: Kind
    planes: np.ndarray  # (C, Y, X) float16, 0 to 1, as preprocessing makes them by default
    labels: np.ndarray  # (Y, X) uint16
    flows: np.ndarray  # (2, Y, X) float16, unit vectors, y then x
    emphasis: np.ndarray  # (Y, X) float16, how much a pixel's error counts
    diameter_px: float  # median over cells of the diameter of the disc with their area
    weights: np.ndarray  # (C,) that mix the channels into one plane
    inverted: bool  # cells are dark


def read_pictures(data: Path, split: str, n_synthetic: int, held_out: float = 0.0) -> Iterator[Picture]:
    """Read the images of a split, one after the other.

    Parameters
    ----------
    data : Path
        Folder with ``dsb2018`` and ``usiigaci``, each with ``index.csv`` (columns id or file, split, and type),
        ``images`` and ``labels``; a folder that is absent is passed over.
    split : {"train", "choose", "val"}
        "choose" is the part of the index's "train" that is held out, to choose designs and settings by.
    n_synthetic : int
        Synthetic fields beside them, from seeds that the splits do not share.
    held_out : float
        Share of the index's "train" that is held out.

    Raises
    ------
    InputError
        When there is nothing.
    """
    rows = [(data / source, row) for source in SOURCES for row in _rows(data / source, split, held_out)]
    if not rows and n_synthetic == 0:
        raise InputError(f"no {split} images in {str(data)!r}: it needs {' or '.join(SOURCES)} with an index.csv")
    for folder, row in rows:
        yield _read_real(folder, row)
    for at in range(n_synthetic):
        yield _render(SYNTHETIC_SEEDS[split] + at)


def prepare(picture: Picture, cache: Path) -> Example | None:
    """Make a picture ready, with its flows computed once and kept.

    Parameters
    ----------
    picture : Picture
    cache : Path
        Folder where flows are kept by the picture's name.

    Returns
    -------
    Example or None
        None for a picture without cells, which has no size to be scaled to.
    """
    if not picture.labels.any():
        return None
    path = cache / f"{picture.name}.npz"
    if not path.exists():
        flows = np.rint(flow_targets(picture.labels) * FLOW_SCALE).astype(np.int8)
        cache.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(path, flows=flows)
    flows = np.load(path)["flows"].astype(np.float16) / np.float16(FLOW_SCALE)
    planes, weights = _planes(picture.slide)
    inverted = picture.kind is not Kind.SYNTHETIC and has_bright_background(np.tensordot(weights, planes, axes=1))
    return Example(
        picture.kind,
        planes.astype(np.float16),
        picture.labels.astype(np.uint16),
        flows,
        emphasise(picture.labels),
        median_diameter(picture.labels),
        weights,
        inverted,
    )


def emphasise(labels: np.ndarray) -> np.ndarray:
    """Weigh pixels so that small cells and the seams of touching ones are heard beside large ones.

    A cell counts once in the score, however small, but by its pixels in a plain mean.

    Parameters
    ----------
    labels : ndarray of shape (Y, X), integer
        At least one cell.

    Returns
    -------
    ndarray of shape (Y, X), float16
        1 on the background; in a cell the median diameter over its own, 0.7 to 2.5; `SEAM` more where two cells meet.
    """
    areas = np.bincount(labels.ravel()).astype(float)
    middle = np.median(areas[1:][areas[1:] > 0])
    weights = np.clip(np.sqrt(middle / np.maximum(areas, 1)), *SMALL_CELL)
    weights[0] = 1
    width = 2 * max(1, round(np.sqrt(middle) / 12)) + 1
    highest = maximum_filter(labels, width)
    lowest = minimum_filter(np.where(labels > 0, labels, labels.max() + 1), width)
    return (weights[labels] + SEAM * ((lowest < highest) & (highest > 0))).astype(np.float16)


def median_diameter(labels: np.ndarray) -> float:
    """Return the median over cells of the diameter of the disc with a cell's area, px; 0 without cells."""
    areas = np.bincount(labels.ravel())[1:]
    areas = areas[areas > 0]
    return float(2 * np.sqrt(np.median(areas) / np.pi)) if areas.size else 0.0


def is_held_out(name: str, share: float) -> bool:
    """Tell whether a training image is kept back to choose by: settled by its name, so every run agrees."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4]) < share * 2**32


def _rows(folder: Path, split: str, held_out: float) -> list[dict[str, str]]:
    if not (folder / "index.csv").is_file():
        return []
    with (folder / "index.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == ("train" if split == "choose" else split)]
    if split == "val":
        return rows
    share = held_out if len(rows) >= SPARABLE else 0.0
    return [row for row in rows if is_held_out(_stem(row), share) == (split == "choose")]


def _stem(row: dict[str, str]) -> str:
    return row.get("id") or row["file"]


def _read_real(folder: Path, row: dict[str, str]) -> Picture:
    stem = _stem(row)
    kind = Kind(row["type"]) if "type" in row else Kind.PHASE
    labels = read_labels(folder / "labels" / f"{stem}.png")
    labels = relabel(drop_small(labels, FRAGMENT_PX) if kind is Kind.PHASE else labels)
    return Picture(f"{folder.name}_{stem}", kind, open_slide(folder / "images" / f"{stem}.png"), labels)


def _render(seed: int) -> Picture:
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
    info = ImageInfo(
        name=f"synthetic_{seed}",
        format="ome-tiff",
        shape=pixels.shape,
        dtype=settings.dtype,
        channels=settings.channels,
        um_per_px=settings.um_per_px,
        levels=(labels.shape,),
        bytes_on_disk=pixels.nbytes,
    )
    return Picture(info.name, Kind.SYNTHETIC, Slide(info, info.name, (pixels,)), relabel(labels))


def _planes(slide: Slide) -> tuple[np.ndarray, np.ndarray]:
    """Pixels as preprocessing makes them by default, (C, Y, X) float32, and what mixes them into one plane, (C,)."""
    planes = Preprocessor.fit(slide, PreprocessSettings()).apply(slide.region())
    if is_photo(assign(slide.info, {})[1]):
        if (planes != planes[0]).any():
            return planes, LUMINANCE
        planes = planes[:1]  # gray, stored as a photo
    return planes, np.full(len(planes), 1 / len(planes), np.float32)
