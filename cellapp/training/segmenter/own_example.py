"""An image of one's own as a network reads it: channels and preprocessing are those of the run it was corrected in."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cellapp.models.bundle import RunModels
from cellapp.models.load import load_model
from cellapp.pipeline.context import make_context
from cellapp.segmentation.input_planes import select_planes
from cellapp.segmentation.label_image import relabel
from cellapp.segmentation.mask_flows import mask_flows
from cellapp.training.segmenter.dataset import Example, median_diameter, pixel_weights
from cellapp.training.segmenter.labelled_folder import OwnImage
from cellapp.training.segmenter.labelled_image import Kind
from cellapp.types.image import Region, Role

SIDE_PX = 2048
"""Of what is learnt from: of a larger image the square with most labelled pixels."""


class OwnPixels(NamedTuple):
    """Part of an image with its labels."""

    pixels: np.ndarray  # (C, Y, X) float32, processed as for the segmenter
    roles: tuple[Role, ...]
    labels: np.ndarray  # (Y, X) int32, ids 1..n


def read_own(image: OwnImage) -> OwnPixels | None:
    """Read an image as the segmenter will; None where it has no cells."""
    context = make_context(image.open(), None, RunModels(load_model("classical")), image.settings)
    labels = image.read_labels(context.slide.info.shape[1:])
    if not labels.any():
        return None
    window = fullest_window(labels)
    pixels = context.preprocessor.read(context.slide, window)
    return OwnPixels(pixels, context.slide_roles, relabel(labels[window.slices]))


def prepare_own(image: OwnImage) -> Example | None:
    """Prepare an image for a network of `train-segmenter`; None where it has no cells."""
    own = read_own(image)
    if own is None:
        return None
    planes = select_planes(own.pixels, own.roles)
    stack = [planes.body] if planes.nucleus is None else [planes.body, planes.nucleus]
    return Example(
        kind=Kind.FLUORESCENCE,
        planes=np.stack(stack).astype(np.float16),
        labels=own.labels,
        flows=mask_flows(own.labels).astype(np.float16),
        weights=pixel_weights(own.labels),
        diameter_px=median_diameter(own.labels),
        mixing=np.float32([1.0] + [0.0] * (len(stack) - 1)),
        inverted=False,
        as_read=True,
    )


def fullest_window(labels: np.ndarray, side_px: int = SIDE_PX) -> Region:
    """Return the square with most labelled pixels, on a grid of half its side; all of a smaller image.

    Parameters
    ----------
    labels : ndarray of shape (Y, X), integer
    side_px : int
    """
    sides = [min(side_px, length) for length in labels.shape]
    starts = [
        sorted({*range(0, length - side + 1, max(side_px // 2, 1)), length - side})
        for length, side in zip(labels.shape, sides, strict=True)
    ]
    windows = [Region(y, x, *sides) for y in starts[0] for x in starts[1]]
    return max(windows, key=lambda window: np.count_nonzero(labels[window.slices]))
