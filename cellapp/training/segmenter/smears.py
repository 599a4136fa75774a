"""Stained blood smears without masks: outlines from boxes (BCCD) and from points (Chula RBC-12)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import ndimage
from skimage.filters import threshold_otsu
from skimage.morphology import remove_small_holes, remove_small_objects
from skimage.segmentation import watershed

from cellapp.images.formats.inside import inside
from cellapp.images.read import open_slide
from cellapp.segmentation.label_image import relabel
from cellapp.text_table import read_table
from cellapp.training.segmenter.labelled_image import Kind, LabelledImage
from cellapp.training.segmenter.split import is_held_out

VALIDATION = 0.25  # share of the images of bccd and of the groups of chula_rbc12, which come without a split
BOXES, POINTS = "bccd", "chula_rbc12"
NO_CELL = "Platelets"
GREEN = 1  # the channel in which red cells, nuclei and platelets are all dark
SPECK_PX = 30
PLAUSIBLE = (0.35, 2.5)  # area of an outline over the median of its image
TWICE = 0.7  # IoU from which two boxes are of one cell


def list_smears(data: Path, split: str) -> list[Callable[[], LabelledImage]]:
    """Return what reads each smear of a split, in the order of names.

    Parameters
    ----------
    data : Path
        Folder with ``bccd`` (``boxes.csv`` with file, label, xmin, ymin, xmax and ymax; ``images``) and ``chula_rbc12``
        (``index.csv`` with file and group, ``images``, ``points`` with x and y); an absent folder is skipped.
    split : str
        "train" or "val", told apart by a hash of the name; there are none of any other.
    """
    boxes, index = data / BOXES / "boxes.csv", data / POINTS / "index.csv"
    tasks: list[Callable[[], LabelledImage]] = []
    if boxes.is_file():
        table = read_table(boxes, ["file", "label", "xmin", "ymin", "xmax", "ymax"])
        tasks += [partial(read_boxes, boxes.parent, *one) for one in table.groupby("file") if _split(one[0]) == split]
    if index.is_file():
        rows = read_table(index, ["file", "group"])
        names = sorted(rows["file"][[_split(group) == split for group in rows["group"]]])
        tasks += [partial(read_points, index.parent, name) for name in names]
    return tasks


def read_boxes(folder: Path, file: str, boxes: pd.DataFrame) -> LabelledImage:
    """Read a smear with a box around every cell; the outline of a cell is the ellipse in its box.

    Platelets, and what is dark and in no box, are left out of loss and score.
    """
    slide = open_slide(inside(folder, f"images/{file}", f"{folder.name}/boxes.csv"))
    corners = boxes[["ymin", "xmin", "ymax", "xmax"]].astype(float).to_numpy()
    platelets = (boxes["label"] == NO_CELL).to_numpy()
    labels = draw_ellipses(drop_repeated(corners[~platelets]), slide.info.shape[1:])
    ignore = (foreground(slide.region()) | (draw_ellipses(corners[platelets], labels.shape) > 0)) & (labels == 0)
    return LabelledImage(f"{folder.name}_{Path(file).stem}", Kind.SMEAR, slide, relabel(labels), ignore)


def drop_repeated(boxes: np.ndarray) -> np.ndarray:
    """Return boxes, (N, 4), without those that repeat one before them."""
    kept: list[np.ndarray] = []
    for box in boxes:
        if all(_overlap(box, other) < TWICE for other in kept):
            kept.append(box)
    return np.array(kept).reshape(-1, 4)


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Return the IoU of two boxes."""
    shared = np.prod(np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0))
    return float(shared / max(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - shared, 1e-9))


def draw_ellipses(boxes: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Draw the ellipse inscribed in each box; where two overlap a pixel goes to the one whose middle is nearer.

    Parameters
    ----------
    boxes : ndarray of shape (N, 4)
        Top, left, bottom, right in px.
    shape : tuple of int

    Returns
    -------
    ndarray of shape (Y, X), int32
    """
    labels, nearest = np.zeros(shape, np.int32), np.ones(shape)
    y, x = np.ogrid[: shape[0], : shape[1]]
    for number, (top, left, bottom, right) in enumerate(boxes, start=1):
        half_y, half_x = max((bottom - top) / 2, 1), max((right - left) / 2, 1)
        distance = ((y - (top + bottom) / 2) / half_y) ** 2 + ((x - (left + right) / 2) / half_x) ** 2
        mine = distance < nearest
        labels[mine], nearest[mine] = number, distance[mine]
    return labels


def read_points(folder: Path, file: str) -> LabelledImage:
    """Read a smear with a point in every red cell; outlines are the dark parts, divided between the points.

    What is dark and holds no point, such as white cells and platelets, is left out of loss and score.
    """
    source = f"{folder.name}/index.csv"
    slide = open_slide(inside(folder, f"images/{file}", source))
    points = read_table(inside(folder, f"points/{Path(file).stem}.csv", source), ["x", "y"])
    dark = foreground(slide.region())
    labels = divide(dark, points[["y", "x"]].astype(float).to_numpy())
    return LabelledImage(f"{folder.name}_{Path(file).stem}", Kind.SMEAR, slide, relabel(labels), dark & (labels == 0))


def foreground(pixels: np.ndarray) -> np.ndarray:
    """Return what is darker than the background of a smear, the pale middle of red cells with it, (Y, X) bool.

    Parameters
    ----------
    pixels : ndarray of shape (3, Y, X)
        Red, green, blue.
    """
    green = ndimage.gaussian_filter(pixels[GREEN].astype(np.float32), 1)
    flat = (
        green
        - ndimage.gaussian_filter(ndimage.maximum_filter(green[::4, ::4], 25), 12)
        .repeat(4, 0)
        .repeat(4, 1)[: green.shape[0], : green.shape[1]]
    )
    dark = remove_small_objects(flat < threshold_otsu(flat), max_size=SPECK_PX)
    areas = np.bincount(ndimage.label(dark)[0].ravel())[1:]
    return remove_small_holes(dark, max_size=int(np.median(areas))) if areas.size else dark


def divide(dark: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Divide a foreground between points by the watershed of its distance map; parts without a point get none.

    Outlines far from the usual size, where dark parts ran together or points lie on each other, are left out.

    Parameters
    ----------
    dark : ndarray of shape (Y, X), bool
    points : ndarray of shape (N, 2)
        Row and column, px.

    Returns
    -------
    ndarray of shape (Y, X), int32
    """
    markers = np.zeros(dark.shape, np.int32)
    at = np.clip(np.rint(points).astype(int), 0, np.array(dark.shape) - 1)
    markers[at[:, 0], at[:, 1]] = np.arange(1, len(points) + 1)
    markers = np.where(dark, ndimage.grey_dilation(markers, size=5), 0)
    labels = watershed(-ndimage.distance_transform_edt(dark), markers, mask=dark).astype(np.int32)
    areas = np.bincount(labels.ravel(), minlength=len(points) + 1).astype(float)
    low, high = np.array(PLAUSIBLE) * np.median(areas[1:][areas[1:] > 0]) if (areas[1:] > 0).any() else (0, 0)
    return np.where((areas >= low) & (areas <= high), np.arange(len(areas)), 0)[labels].astype(np.int32)


def _split(name: str) -> str:
    return "val" if is_held_out(str(name), VALIDATION) else "train"
