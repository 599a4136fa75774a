"""Sequences and slides as bags of vectors, and the parts of them that one step of training sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from cellapp.encoders.crop_to_rgb import encoder_input
from cellapp.exports.growth import GrowthSeries
from cellapp.pipeline.growth import OpenFrame, grey_plane, of_sequence
from cellapp.pipeline.time_series import ImageSequence
from cellapp.training.lines.patches import cut_patches
from cellapp.types.cells import Crops
from cellapp.types.image import OnStep, Role
from cellapp.types.protocols import Encoder


@dataclass(frozen=True, eq=False)
class Bag:
    """A sequence as its patches, or a slide as its cells: the instances."""

    sequence: ImageSequence
    vectors: np.ndarray  # (N, F) float32
    frames: np.ndarray  # (N,) int, number of the image in the sequence
    corners: np.ndarray  # (N, 2) int, y and x of the instance in its image
    confluency: np.ndarray | None  # (T,) of each image; None where instances are cells
    cell_ids: np.ndarray | None = None  # (N,) int, where instances are cells

    def times_h(self) -> np.ndarray:
        """Return the time of each instance in hours, (N,)."""
        return np.asarray(self.sequence.times_h)[self.frames]

    def growth(self) -> GrowthSeries:
        """Return what grows over time: covered area, or cells where instances are cells."""
        if self.confluency is not None:
            return of_sequence(self.sequence, self.confluency)
        counted = np.bincount(self.frames, minlength=len(self.sequence.files))
        return of_sequence(self.sequence, None, dict(zip(self.sequence.opened_by, counted.tolist(), strict=True)))


def make_bags(
    open_frame: OpenFrame, sequences: Sequence[ImageSequence], encoder: Encoder, on_step: OnStep
) -> list[Bag]:
    """Cut and encode the patches of every image.

    Parameters
    ----------
    open_frame : callable
        Opens an image by what its sequence says it is opened by.
    sequences : sequence of ImageSequence
    encoder : Encoder
    on_step : callable
        Progress; may raise `Cancelled`.

    Returns
    -------
    list of Bag
        Vectors are class token and mean patch token of a patch whose grey values fill all three planes.
    """
    bags, total, done = [], sum(len(one.files) for one in sequences), 0
    for one in sequences:
        vectors, frames, corners, confluency = [], [], [], []
        for number, key in enumerate(one.opened_by):
            on_step("Encoding patches", done / total)
            patches = cut_patches(grey_plane(open_frame(key)))
            vectors.append(_encode(patches.pixels, encoder))
            frames += [number] * len(patches.corners)
            corners.append(patches.corners)
            confluency.append(patches.confluency)
            done += 1
        bags.append(Bag(one, np.concatenate(vectors), np.array(frames), np.concatenate(corners), np.array(confluency)))
    return bags


def draw_segments(bag: Bag, generator: np.random.Generator, segments: int, most: int | None = None) -> np.ndarray:
    """Draw one image of each segment of a sequence, for a step of training.

    Parameters
    ----------
    bag : Bag
    generator : Generator
    segments : int
        The sequence is divided into so many parts of equal length; at most as many as it has images.
    most : int, optional
        Of the instances of the images drawn, at most so many at random: a slide may have thousands of cells.

    Returns
    -------
    ndarray of int
        Rows of the instances of the images drawn, in order of time.
    """
    n_frames = int(bag.frames.max()) + 1
    bounds = np.linspace(0, n_frames, min(segments, n_frames) + 1).round().astype(int)
    chosen = [int(generator.integers(low, high)) for low, high in pairwise(bounds)]
    rows = np.flatnonzero(np.isin(bag.frames, chosen))
    if most is not None and len(rows) > most:
        rows = np.sort(generator.choice(rows, most, replace=False))
    return rows


def _encode(pixels: np.ndarray, encoder: Encoder) -> np.ndarray:
    ids = np.arange(len(pixels), dtype=np.int32)
    crops = Crops([patch[None] for patch in pixels], ids, ("grey",))
    return encoder.embed(encoder_input(crops, (Role.OTHER,), encoder.input_px), ids).features
