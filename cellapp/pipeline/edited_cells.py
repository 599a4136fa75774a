"""Cells of a stored image that were edited by hand: measured, embedded and called anew, and no other cell with them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from cellapp.cells.describe_cells import describe_cells
from cellapp.cells.measure import measure_cells
from cellapp.cells.quality import assess
from cellapp.cells.region_reader import cached_reader
from cellapp.classification.cell_columns import add_predictions, class_columns
from cellapp.classification.ensemble import Head
from cellapp.classification.predict import predict
from cellapp.pipeline.checkpoint import temporary_checkpoint
from cellapp.pipeline.context import ImageContext, run_serially
from cellapp.pipeline.embed_cells import embed_cells
from cellapp.pipeline.progress import no_progress
from cellapp.segmentation.label_image import LazyLabels
from cellapp.settings import ClassifySettings
from cellapp.types.cells import Embeddings, LabelMask
from cellapp.types.image import Region


def measure_edited(
    context: ImageContext,
    labels: LazyLabels,
    boxes: Mapping[int, Region],
    others: pd.DataFrame,
    nuclei: LazyLabels | None = None,
) -> pd.DataFrame:
    """Measure some cells and judge their quality as an analysis of the image does.

    Parameters
    ----------
    context : ImageContext
    labels : LazyLabels
        Read in the boxes of the cells only.
    boxes : mapping of cell id to Region
    others : DataFrame
        Rows of all other cells of the image: the rules of quality compare with the median cell.
    nuclei : LazyLabels, optional
        The id of each cell on its nuclei; read where the settings ask for descriptors.

    Returns
    -------
    DataFrame
        One row per cell, without classes.
    """
    ids = np.array(sorted(boxes), np.int32)
    corners = [(b.y, b.x, b.y + b.height, b.x + b.width) for b in (boxes[int(cell)] for cell in ids)]
    source, mask = context.source, LabelMask(labels, "")
    read, channels = cached_reader(source, labels.shape), source.info.channels
    at = np.array(corners, np.int64).reshape(-1, 4)
    rows = measure_cells(read, labels, ids, at, channels=channels, um_per_px=context.um_per_px)
    compared = [part[["area_px", "sharpness"]] for part in (others, rows) if len(part)]
    rows = assess(rows, mask, read, context.settings.quality, among=pd.concat(compared) if compared else rows)
    if not context.settings.describe:
        return rows
    found = LabelMask(nuclei, "") if nuclei is not None else None
    return rows.join(describe_cells(read, mask, rows, channels=channels, nuclei=found))


def embed_edited(context: ImageContext, labels: LazyLabels, cells: pd.DataFrame) -> Embeddings:
    """Embed cells as the models of the context say; see `cellapp.pipeline.embed_cells.embed_cells`."""
    mask, run_tasks = LabelMask(labels, ""), run_serially(context)
    with temporary_checkpoint() as checkpoint:
        return embed_cells(context, mask, cells, checkpoint, run_tasks, on_step=no_progress, span=(0.0, 1.0))


def call_edited(cells: pd.DataFrame, head: Head, embeddings: Embeddings, settings: ClassifySettings) -> pd.DataFrame:
    """Return the columns of classes that a head gives to cells; those without vectors, the rejected, have none.

    Parameters
    ----------
    cells : DataFrame
        Rows of the cell table.
    head : LinearHead or EnsembleHead
    embeddings : Embeddings
        Of the accepted ones among `cells`.
    settings : ClassifySettings
    """
    called = add_predictions(cells[["qc_pass"]], predict(head, embeddings, settings))
    return called[class_columns(called)]
