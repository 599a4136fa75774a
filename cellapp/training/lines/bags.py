"""Sequences as bags of vectors, and the parts of them that one step of training sees."""

from __future__ import annotations

from collections.abc import Sequence as Several
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from cellapp.encoders.crop_to_rgb import encoder_input
from cellapp.images.read import check_pixels, open_slide
from cellapp.training.lines.patches import cut_patches
from cellapp.training.lines.sequences import Sequence
from cellapp.types.cells import Crops
from cellapp.types.image import OnStep, Role
from cellapp.types.protocols import Encoder


@dataclass(frozen=True, eq=False)
class Bag:
    """A sequence as its patches."""

    sequence: Sequence
    vectors: np.ndarray  # (N, F) float32
    frames: np.ndarray  # (N,) int, number of the image in the sequence
    corners: np.ndarray  # (N, 2) int, y and x of the patch in its image
    confluency: np.ndarray  # (T,) of each image

    def times_h(self) -> np.ndarray:
        """Return the time of each patch in hours, (N,)."""
        return np.asarray(self.sequence.times_h)[self.frames]


def make_bags(folder: Path, sequences: Several[Sequence], encoder: Encoder, on_step: OnStep) -> list[Bag]:
    """Cut and encode the patches of every image.

    Parameters
    ----------
    folder : Path
    sequences : sequence of Sequence
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
        for number, file in enumerate(one.files):
            on_step("Encoding patches", done / total)
            patches = cut_patches(_grey(folder / file))
            vectors.append(_encode(patches.pixels, encoder))
            frames += [number] * len(patches.corners)
            corners.append(patches.corners)
            confluency.append(patches.confluency)
            done += 1
        bags.append(Bag(one, np.concatenate(vectors), np.array(frames), np.concatenate(corners), np.array(confluency)))
    return bags


def draw_segments(bag: Bag, generator: np.random.Generator, segments: int) -> np.ndarray:
    """Draw one image of each segment of a sequence, for a step of training.

    Parameters
    ----------
    bag : Bag
    generator : Generator
    segments : int
        The sequence is divided into so many parts of equal length; at most as many as it has images.

    Returns
    -------
    ndarray of int
        Rows of the patches of the images drawn, in order of time.
    """
    n_frames = int(bag.frames.max()) + 1
    bounds = np.linspace(0, n_frames, min(segments, n_frames) + 1).round().astype(int)
    chosen = [int(generator.integers(low, high)) for low, high in pairwise(bounds)]
    return np.flatnonzero(np.isin(bag.frames, chosen))


def _grey(path: Path) -> np.ndarray:
    """Read an image as one plane: the mean of its channels."""
    slide = open_slide(path)
    pixels = slide.region()
    check_pixels(pixels, slide.info.name)
    return pixels.mean(axis=0, dtype=np.float32)


def _encode(pixels: np.ndarray, encoder: Encoder) -> np.ndarray:
    ids = np.arange(len(pixels), dtype=np.int32)
    crops = Crops([patch[None] for patch in pixels], ids, ("grey",))
    return encoder.embed(encoder_input(crops, (Role.OTHER,), encoder.input_px), ids).features
