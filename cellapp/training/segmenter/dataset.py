"""Labelled images made ready to draw crops from: scaled, with their flows, and weighed pixel by pixel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import maximum_filter, minimum_filter

from cellapp.images.channels import assign_channels
from cellapp.images.preprocess import Preprocessor
from cellapp.segmentation.cellpose_api import flow_targets
from cellapp.segmentation.input_planes import LUMINANCE, has_bright_background, is_photo
from cellapp.settings import PreprocessSettings
from cellapp.training.segmenter.source_images import Kind, LabelledImage
from cellapp.types.image import Slide

FLOW_SCALE = 127  # flows are kept as int8
SMALL_CELL, SEAM = (0.7, 2.5), 1.5  # how pixels are weighed


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


def prepare(picture: LabelledImage, cache: Path) -> Example | None:
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


def _planes(slide: Slide) -> tuple[np.ndarray, np.ndarray]:
    """Pixels as preprocessing makes them by default, (C, Y, X) float32, and what mixes them into one plane, (C,)."""
    planes = Preprocessor.fit(slide, PreprocessSettings()).apply(slide.region())
    if is_photo(assign_channels(slide.info, {})[1]):
        if (planes != planes[0]).any():
            return planes, LUMINANCE
        planes = planes[:1]  # gray, stored as a photo
    return planes, np.full(len(planes), 1 / len(planes), np.float32)
