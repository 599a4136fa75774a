"""The nuclei of the cells of an image, found once and kept with the label image of its cells."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cellapp.cells.nuclei import match_nuclei
from cellapp.exports.image_folder import NUCLEI
from cellapp.exports.label_image import write_labels
from cellapp.models.bundle import RunModels
from cellapp.models.kept import load_shared_model
from cellapp.pipeline.checkpoint import temporary_checkpoint
from cellapp.pipeline.context import ImageContext, run_serially
from cellapp.pipeline.progress import no_progress
from cellapp.pipeline.segment_slide import segment_slide
from cellapp.segmentation.label_image import read_labels
from cellapp.segmentation.limit import box_of_cells
from cellapp.segmentation.tiling.grid import grown
from cellapp.settings import SegmentSettings
from cellapp.types.cells import LabelMask
from cellapp.types.drawn_regions import DrawnRegion, DrawnRegions
from cellapp.types.image import OnStep, Role

NUCLEUS_SEGMENTER = "compact"
"""Ships with the program and, of its segmenters without a download, misses the fewest nuclei."""
_AROUND_PX = 256  # beyond the outermost cells


def find_nuclei(context: ImageContext, mask: LabelMask, on_step: OnStep | None = None) -> LabelMask | None:
    """Find the nuclei of cells in the channels that show nuclei.

    Nuclei are segmented in the image that cells are measured in and given to cells as
    `cellapp.cells.nuclei.match_nuclei` says.

    Parameters
    ----------
    context : ImageContext
    mask : LabelMask
        The cells.
    on_step : callable, optional
        Progress; may raise `Cancelled`.

    Returns
    -------
    LabelMask or None
        The id of each cell on its nuclei; None where no channel shows nuclei.

    Raises
    ------
    ModelError
        When the segmenter cannot be had.
    """
    if Role.NUCLEUS not in context.roles:
        return None
    if not mask.labels.any():
        return LabelMask(np.zeros(mask.labels.shape, np.int32), NUCLEUS_SEGMENTER)
    only = tuple(role if role is Role.NUCLEUS else Role.OTHER for role in context.roles)
    segment = SegmentSettings(segmenter=NUCLEUS_SEGMENTER, tile_px=context.settings.segment.tile_px)
    settings = context.settings.model_copy(update={"segment": segment})
    around = _around_cells(mask)
    nuclear = context.of_source(only, RunModels(load_shared_model(NUCLEUS_SEGMENTER)), settings, around)
    with temporary_checkpoint() as checkpoint:
        found = segment_slide(nuclear, checkpoint, run_serially(nuclear), on_step or no_progress)
        return LabelMask(match_nuclei(found.labels, mask.labels), found.segmenter)


def _around_cells(mask: LabelMask) -> DrawnRegions:
    """Return where nuclei are looked for: around the cells, where those are in less than half of the image."""
    shape = mask.labels.shape
    box = box_of_cells(mask.labels)
    around = grown(box, _AROUND_PX, shape) if box else None
    if around is None or 2 * around.height * around.width > shape[0] * shape[1]:
        return DrawnRegions()
    y0, x0, y1, x1 = around.y, around.x, around.y + around.height, around.x + around.width
    return DrawnRegions((DrawnRegion("cells", ((((x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)),),)),))


def kept_nuclei(
    folder: Path, context: ImageContext, mask: LabelMask, on_step: OnStep | None = None
) -> LabelMask | None:
    """Return the nuclei kept in the folder of an image, or find and keep them.

    Parameters
    ----------
    folder : Path
        Of the image in its run; an image that is analysed anew gets a new folder, without nuclei.
    context, mask, on_step
        See `find_nuclei`.
    """
    if (folder / NUCLEI).is_file():
        return LabelMask(read_labels(folder / NUCLEI, mask.labels.shape), NUCLEUS_SEGMENTER)
    nuclei = find_nuclei(context, mask, on_step)
    if nuclei is not None:
        write_labels(nuclei, folder / NUCLEI, um_per_px=context.um_per_px)
    return nuclei
