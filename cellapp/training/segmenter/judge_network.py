"""Try a network on labelled images: what a second look says of its outlines, and how good they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np

from cellapp.segmentation.metrics import score_labels
from cellapp.segmentation.run_segmenter import segment
from cellapp.segmentation.second_look import look_again
from cellapp.settings import SegmentSettings
from cellapp.training.segmenter.reliability import JudgedImage
from cellapp.training.segmenter.truth_sets import TruthImage, harder
from cellapp.types.image import OnStep
from cellapp.types.protocols import Segmenter

HARDER = 2  # of so many images one is judged in a harder version, too


def judge_network(
    segmenter: Segmenter, images: Iterable[TruthImage], *, most: int, on_step: OnStep | None = None
) -> list[JudgedImage]:
    """Try a network on labelled images as `analyse` runs it, with every setting at its default.

    Parameters
    ----------
    segmenter : Segmenter
    images : iterable of TruthImage
    most : int
        Images of a set; of those that have more the first count.
    on_step : callable, optional

    Returns
    -------
    list of JudgedImage
        Without images of which a second look shows no whole cell: nothing is told of those.
    """
    judged = []
    for image in _versions(images, most):
        one = judge_image(segmenter, image)
        judged += [one] if one else []
        if on_step:
            on_step(f"Judged {image.name} ({image.group})", 0.0)
    return judged


def judge_image(segmenter: Segmenter, image: TruthImage) -> JudgedImage | None:
    """Segment one image, look again, and compare with its truth; None where there is no whole cell to look at."""
    settings = SegmentSettings()
    mask = segment(image.pixels, image.roles, segmenter, settings)
    evidence = look_again(
        lambda region: image.pixels[(slice(None), *region.slices)],
        mask.labels,
        image.roles,
        segmenter,
        settings,
        mask.fit,
    )
    found = mask.labels if image.ignored is None else _outside(mask.labels, image.ignored)
    return JudgedImage(image.name, image.group, evidence, score_labels(found, image.labels).ap50) if evidence else None


def _versions(images: Iterable[TruthImage], most: int) -> Iterator[TruthImage]:
    """Give at most so many images of each set, and a harder version of every second one that has cells."""
    n_of: Counter[str] = Counter()
    for image in images:
        if n_of[image.group] >= most:
            continue
        yield image
        if n_of[image.group] % HARDER == 0 and image.labels.any():
            yield harder(image, seed=n_of[image.group])
        n_of[image.group] += 1


def _outside(labels: np.ndarray, ignored: np.ndarray) -> np.ndarray:
    """Return labels without those that lie mostly where nothing is scored."""
    n_ignored, n_px = np.bincount(labels.ravel(), ignored.ravel()), np.bincount(labels.ravel())
    return np.where((n_ignored > n_px / 2)[labels], 0, labels)
