"""The regions of a run at work: on labels that were given, and on the share that cells cover."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cellapp.pipeline.context import ImageContext
from cellapp.segmentation.confluency import confluency
from cellapp.segmentation.limit import NONE_INSIDE, covered_share, keep_cells
from cellapp.types.cells import LabelMask


def limited(context: ImageContext, labels: LabelMask) -> LabelMask:
    """Return labels that were given without the cells whose centre lies in no region; ids stay."""
    if context.covered is None:
        return labels
    ids, dense = np.unique(labels.labels, return_inverse=True)  # ids of files may be any numbers
    dense = dense.reshape(labels.labels.shape).astype(np.int32) + np.int32(len(ids) > 0 and ids[0] != 0)
    n_kept = keep_cells(dense, context.covered, number=False)
    names = np.union1d([0], ids).astype(np.int32)
    return replace(labels, labels=names[dense], note=labels.note if n_kept else labels.note or NONE_INSIDE)


def share_covered(context: ImageContext, mask: LabelMask) -> float:
    """Return the share that cells cover: of the image, or of its regions."""
    return confluency(mask) if context.covered is None else covered_share(mask.labels, context.covered)
