"""What one image of a run is read from, and what is read, in whichever process."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cellapp.images.decoded_once import decoded_once
from cellapp.settings import IMPORTED
from cellapp.types.cells import LabelMask
from cellapp.types.drawn_regions import NO_REGIONS, DrawnRegions
from cellapp.types.image import Slide


@dataclass(frozen=True)
class RunItem:
    """One image of a run. `open` is called in the process that does the work, so an engine needs it picklable."""

    stem: str
    open: Callable[[], Slide]
    open_target: Callable[[], Slide] | None = None
    read_labels: Callable[[tuple[int, int]], np.ndarray] | None = None
    """Labels, (Y, X) int32, for the size of the image; they are taken in place of what a segmenter finds."""
    read_regions: Callable[[tuple[int, int]], DrawnRegions] | None = None
    """The regions that cells are limited to, for the size of the image."""


@dataclass(frozen=True)
class RunInputs:
    """What is read of one image."""

    began_s: float  # of `time.perf_counter`, before anything was read
    slide: Slide  # cells are segmented in it
    source: Slide  # cells are measured in it and cut from it
    target: Slide | None  # the source, where it is another image than `slide`
    labels: LabelMask | None
    regions: DrawnRegions


def open_inputs(item: RunItem) -> RunInputs:
    """Open the image of an item, and read what it brings with it. Errors are those of what the item opens."""
    began_s, slide = time.perf_counter(), decoded_once(item.open())
    target = decoded_once(item.open_target()) if item.open_target else None
    labels, regions = _given_labels(item, slide), _given_regions(item, slide)
    return RunInputs(began_s, slide, target or slide, target, labels, regions)


def _given_labels(item: RunItem, slide: Slide) -> LabelMask | None:
    """Return the labels that an image brings with it, named by what they are."""
    if item.read_labels is None:
        return None
    labels = np.ascontiguousarray(item.read_labels(slide.info.shape[1:]), np.int32)
    digest = hashlib.sha256(labels.tobytes()).hexdigest()
    return LabelMask(labels, f"{IMPORTED}@{digest[:12]}", "" if labels.any() else "the file of labels holds no cells")


def _given_regions(item: RunItem, slide: Slide) -> DrawnRegions:
    return item.read_regions(slide.info.shape[1:]) if item.read_regions else NO_REGIONS
