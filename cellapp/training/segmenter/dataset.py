"""Labelled images prepared for training: preprocessed, with flows and a weight for each pixel."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from scipy.ndimage import maximum_filter, minimum_filter

from cellapp.compute.executor import n_cores
from cellapp.images.channels import assign_channels, is_photo
from cellapp.images.preprocess import Preprocessor
from cellapp.segmentation.input_planes import LUMINANCE, has_bright_background
from cellapp.segmentation.label_image import relabel
from cellapp.segmentation.mask_flows import mask_flows
from cellapp.settings import PreprocessSettings
from cellapp.training.segmenter.labelled_image import Kind, LabelledImage
from cellapp.types.image import Slide

FLOW_SCALE = 127  # flows are stored as int8
ENOUGH_PX = 22.0  # diameter at which flows are exact enough for crops at 30 px per cell
ENOUGH_FOR_A_PROCESS = 20  # images; to start one takes as long as a few of them
SMALL_CELL, SEAM = (0.7, 2.5), 1.5  # limits of the weight by size, and what is added where cells touch
TISSUE_CELL = (
    2.0  # factor where nuclei are few, drawn generously, and hard to tell from noise: most were missed or small
)


@dataclass(frozen=True, eq=False)
class Example:
    """An image prepared for training."""

    kind: Kind
    planes: np.ndarray  # (C, Y, X) float16, 0 to 1, preprocessed with default settings
    labels: np.ndarray  # (Y, X) uint16
    flows: np.ndarray  # (2, Y, X) float16, unit vectors, y then x
    weights: np.ndarray  # (Y, X) float16, weight of each pixel in the loss
    diameter_px: float  # median over cells of the diameter of the disc with their area
    mixing: np.ndarray  # (C,) weights of the channels in one plane
    inverted: bool  # cells are dark
    as_read: bool = False  # planes are the network's input: whole cells and, where there is one, nuclei


def prepare(image: LabelledImage, cache: Path | None) -> Example | None:
    """Prepare an image; its flows are computed once and stored.

    Parameters
    ----------
    image : LabelledImage
    cache : Path or None
        Folder where flows are stored by the image's name; without one they are zeros, for a network of the foreground.

    Returns
    -------
    Example or None
        None for an image without cells, which has no diameter to scale by.
    """
    if not image.labels.any():
        return None
    planes, mixing = _planes(image.slide)
    weights = pixel_weights(image.labels)
    if image.kind is Kind.TISSUE:
        weights[image.labels > 0] *= TISSUE_CELL
    if image.ignore is not None:
        weights[image.ignore] = 0
    inverted = image.kind is not Kind.SYNTHETIC and has_bright_background(np.tensordot(mixing, planes, axes=1))
    return Example(
        image.kind,
        planes.astype(np.float16),
        image.labels.astype(np.uint16),
        np.zeros((2, *image.labels.shape), np.float16) if cache is None else _flows(image, cache),
        weights,
        median_diameter(image.labels),
        mixing,
        inverted,
    )


def _flows(image: LabelledImage, cache: Path) -> np.ndarray:
    path = cache / f"{image.name}.npz"
    if not path.exists():
        flows = np.rint(_flows_of(image.labels) * FLOW_SCALE).astype(np.int8)
        cache.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(path, flows=flows)
    return np.load(path)["flows"].astype(np.float16) / np.float16(FLOW_SCALE)


def _flows_of(labels: np.ndarray) -> np.ndarray:
    """Compute the flows, (2, Y, X) float32, where cells are large on every n-th pixel: the time grows with the cube."""
    step = max(int(median_diameter(labels) // ENOUGH_PX), 1)
    if step == 1:
        return mask_flows(labels)
    coarse = mask_flows(relabel(labels[step // 2 :: step, step // 2 :: step]))
    flows = coarse.repeat(step, axis=1).repeat(step, axis=2)
    missing = [(0, max(length - got, 0)) for length, got in zip(labels.shape, flows.shape[1:], strict=True)]
    flows = np.pad(flows, [(0, 0), *missing], mode="edge")[:, : labels.shape[0], : labels.shape[1]]
    return np.where(labels > 0, flows, 0)


def prepare_all(tasks: Sequence[Callable[[], LabelledImage]], cache: Path | None) -> list[Example]:
    """Prepare images in their order, many of them on every core; those without cells are left out.

    Parameters
    ----------
    tasks : sequence of callable
        Of `list_images`.
    cache : Path or None
        See `prepare`.
    """
    workers = min(n_cores(), len(tasks) // ENOUGH_FOR_A_PROCESS)
    if workers < 2:
        examples = [_prepare_task(cache, task) for task in tasks]
    else:  # spawned: a forked process inherits locks of torch's threads
        with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
            examples = list(pool.map(partial(_prepare_task, cache), tasks, chunksize=4))
    return [example for example in examples if example is not None]


def _prepare_task(cache: Path | None, task: Callable[[], LabelledImage]) -> Example | None:
    return prepare(task(), cache)


def pixel_weights(labels: np.ndarray) -> np.ndarray:
    """Return weights for the loss that favour small cells and the seams of touching ones.

    A small cell counts as much as a large one in the score, but less in an unweighted mean over pixels.

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
    median = np.median(areas[1:][areas[1:] > 0])
    weights = np.clip(np.sqrt(median / np.maximum(areas, 1)), *SMALL_CELL)
    weights[0] = 1
    width = 2 * max(1, round(np.sqrt(median) / 12)) + 1
    highest = maximum_filter(labels, width)
    lowest = minimum_filter(np.where(labels > 0, labels, labels.max() + 1), width)
    return (weights[labels] + SEAM * ((lowest < highest) & (highest > 0))).astype(np.float16)


def median_diameter(labels: np.ndarray) -> float:
    """Return the median over cells of the diameter of the disc with a cell's area, px; 0 without cells."""
    areas = np.bincount(labels.ravel())[1:]
    areas = areas[areas > 0]
    return float(2 * np.sqrt(np.median(areas) / np.pi)) if areas.size else 0.0


def _planes(slide: Slide) -> tuple[np.ndarray, np.ndarray]:
    """Return preprocessed pixels, (C, Y, X) float32, and the weights that mix them into one plane, (C,)."""
    planes = Preprocessor.fit(slide, PreprocessSettings()).apply(slide.region())
    if is_photo(assign_channels(slide.info, {})[1]):
        if (planes != planes[0]).any():
            return planes, LUMINANCE
        planes = planes[:1]  # gray, stored as a photo
    return planes, np.full(len(planes), 1 / len(planes), np.float32)
