"""Labelled images that a network did not read, by set, and harder versions of them: what reliability is judged on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy import ndimage

from cellapp.images.channels import describe_slide
from cellapp.images.formats.inside import inside
from cellapp.images.preprocess import Preprocessor
from cellapp.images.read import open_slide
from cellapp.segmentation.label_image import read_labels, relabel
from cellapp.settings import AnalyseSettings
from cellapp.text_table import read_table
from cellapp.training.segmenter.fluorescence_sets import FLUORESCENCE_SETS
from cellapp.training.segmenter.labelled_image import Kind
from cellapp.training.segmenter.smears import POINTS
from cellapp.training.segmenter.source_images import SOURCES, read_labelled_images
from cellapp.types.image import Role, Slide

N_SYNTHETIC = 8


@dataclass(frozen=True, eq=False)
class TruthImage:
    """A labelled image as a run reads it."""

    name: str
    group: str  # the set, or the kind of image within one
    pixels: np.ndarray  # (C, Y, X) float32, processed with default settings
    roles: tuple[Role, ...]
    labels: np.ndarray  # (Y, X) int32
    ignored: np.ndarray | None = None  # (Y, X) bool: left out of the score


def read_truth(
    data: Path, held_out: float = 0.0, unseen: Sequence[str] = (), n_label_free: int = 0
) -> Iterator[TruthImage]:
    """Read the validation images of every set, one after the other.

    Parameters
    ----------
    data : Path
        See `cellapp.training.segmenter.source_images.read_labelled_images`. Any other folder with ``index.csv``
        (columns file and split), ``images``, ``labels`` and perhaps ``ignore`` is a set, too.
    held_out : float
        Share of the training images that the network's recipe held out: they are read as well.
    unseen : sequence of str
        Sets that the network was not trained on at all: their training images are read as well.
    n_label_free : int
        Images of each kind that an optical model draws, from seeds that training does not use.

    Raises
    ------
    InputError
        When there is nothing to read.
    """
    kinds = set(Kind) - set(FLUORESCENCE_SETS.values())  # each of these is a set of its own, below
    known = any((data / source).is_dir() for source in SOURCES)
    for split in ("val", "choose") if held_out and known else ("val",):
        drawn = (N_SYNTHETIC, n_label_free) if split == "val" else (0, 0)
        for image in read_labelled_images(data, split, drawn[0], held_out, n_label_free=drawn[1], kinds=kinds):
            if not (known or image.kind in (Kind.SYNTHETIC, Kind.LONG) or image.kind.label_free):
                continue  # of a set that is read below
            pixels, roles = _processed(image.slide)
            yield TruthImage(f"{split}/{image.name}", image.kind.value, pixels, roles, image.labels, image.ignore)
    for index in sorted(data.glob("*/index.csv")):
        if index.parent.name not in (*SOURCES, POINTS):
            yield from _read_set(index.parent, index.parent.name in unseen)


def _read_set(folder: Path, whole: bool) -> Iterator[TruthImage]:
    table = read_table(folder / "index.csv", ["file", "split"], [])
    for row in table[(table["split"] == "val") | whole].to_dict("records"):
        named, stem = f"{folder.name}/index.csv", Path(row["file"]).stem
        picture, labelled = (inside(folder, file, named) for file in (f"images/{row['file']}", f"labels/{stem}.png"))
        pixels, roles = _processed(open_slide(picture))
        ignore = folder / "ignore" / f"{stem}.png"
        ignored = read_labels(ignore) > 0 if ignore.is_file() else None
        yield TruthImage(f"{row['split']}/{stem}", folder.name, pixels, roles, relabel(read_labels(labelled)), ignored)


def _processed(slide: Slide) -> tuple[np.ndarray, tuple[Role, ...]]:
    settings = AnalyseSettings()
    described, roles, _ = describe_slide(slide, settings)
    return Preprocessor.fit(described, settings.preprocess).read(described), roles


def harder(image: TruthImage, seed: int) -> TruthImage:
    """Return an image that is out of focus, faint in noise, or a relief as of differential interference contrast.

    Parameters
    ----------
    image : TruthImage
        With at least one cell.
    seed : int
        Decides which, and how much.
    """
    rng = np.random.default_rng(seed)
    areas = np.bincount(image.labels.ravel())[1:]
    diameter = 2 * np.sqrt(np.median(areas[areas > 0]) / np.pi)
    way = rng.integers(3)
    if way == 0:
        pixels = _blurred(image.pixels, rng.uniform(0.1, 0.35) * diameter)
    elif way == 1:
        pixels = rng.uniform(0.05, 0.4) * image.pixels + rng.normal(0, rng.uniform(0.05, 0.25), image.pixels.shape)
    else:
        angle, smooth = rng.uniform(0, 2 * np.pi), _blurred(image.pixels, 0.06 * diameter)
        pixels = np.cos(angle) * np.gradient(smooth, axis=1) + np.sin(angle) * np.gradient(smooth, axis=2)
    low, high = np.percentile(pixels, [0.2, 99.8])
    scaled = np.clip((pixels - low) / max(high - low, 1e-6), 0, 1).astype(np.float32)
    return replace(image, name=f"{image.name}, made harder", pixels=scaled)


def _blurred(pixels: np.ndarray, sigma_px: float) -> np.ndarray:
    return ndimage.gaussian_filter(pixels, (0, sigma_px, sigma_px))
