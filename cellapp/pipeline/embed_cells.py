"""Vectors of the cells of an image, made in batches of cells that lie together."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from cellapp.cells.shape import BOX_COLUMNS
from cellapp.encoders.slide_windows import pool_cells
from cellapp.images.preprocess import Preprocessor
from cellapp.pipeline.cell_batches import CENTROID_COLUMNS, SQUARE_PX, cell_batches, squares
from cellapp.pipeline.checkpoint import Checkpoint
from cellapp.pipeline.context import ImageContext, RunTasks
from cellapp.pipeline.encoder_crops import encoder_crops, planes_of
from cellapp.pipeline.progress import do_missing
from cellapp.settings import VectorSettings
from cellapp.types.cells import Embeddings, LabelMask, join_embeddings
from cellapp.types.image import OnStep

_PLANES_BYTES = 24 * 2**20  # of crops as planes; larger blocks are cleared anew by the system, see keep_freed_memory


def embed_cells(
    context: ImageContext,
    mask: LabelMask,
    cells: pd.DataFrame,
    checkpoint: Checkpoint,
    run_tasks: RunTasks,
    *,
    on_step: OnStep,
    span: tuple[float, float],
) -> Embeddings:
    """Embed cells as the run's head reads them, or without a head as the models of the context say.

    Parameters
    ----------
    context : ImageContext
        With an encoder; cells are cut from its `source`.
    mask : LabelMask
    cells : DataFrame
        Rows of the cell table, any number.
    checkpoint : Checkpoint
        Keeps the finished batches of an image of several tiles; those there already are not done again.
    run_tasks : callable
        Does the batches of such an image, see `RunTasks`.
    on_step : callable
        Progress; may raise `Cancelled`.
    span : tuple of float
        Fractions of the image at which this step begins and ends.

    Returns
    -------
    Embeddings
        In the order of `cells`.
    """
    batches, preprocessor = _batches(cells, context.models.vectors), context.head_preprocessor
    if not checkpoint.has_labels:
        parts = [_embed(context, mask, batch, preprocessor) for batch in batches]
        return _in_order(join_embeddings(parts), cells.index.to_numpy(np.int32))
    asked = [batch[[*BOX_COLUMNS, *CENTROID_COLUMNS]] for batch in batches]  # no more is sent to another process
    task = EmbedBatch(preprocessor, checkpoint)
    do_missing(
        [*enumerate(asked)],
        lambda part: checkpoint.has(_name(part[0])),
        lambda missing: run_tasks(task, missing),
        on_step,
        "Classifying cells",
        "batch",
        span,
    )
    empty = _embed(context, mask, cells.iloc[:0], preprocessor)
    parts = [replace(empty, **checkpoint.read(_name(number))) for number in range(len(batches))]
    return _in_order(join_embeddings(parts), cells.index.to_numpy(np.int32))


@dataclass(frozen=True)
class EmbedBatch:
    """Task that embeds one batch of cells and writes the vectors to the checkpoint; runs in any process.

    It carries the fitted chain of the head, so that no other process decodes the slide to fit it again.
    """

    preprocessor: Preprocessor
    checkpoint: Checkpoint

    def __call__(self, context: ImageContext, part: tuple[int, pd.DataFrame]) -> None:
        """Embed the cells of one batch, given with its number."""
        number, cells = part
        mask = LabelMask(self.checkpoint.labels(), context.models.segmenter.name)
        self.checkpoint.write(_name(number), **_per_cell(_embed(context, mask, cells, self.preprocessor)))


def _embed(context: ImageContext, mask: LabelMask, cells: pd.DataFrame, preprocessor: Preprocessor) -> Embeddings:
    encoder, vectors = context.models.encoder, context.models.vectors
    if vectors.reads.source == "grid":
        return pool_cells(context.source, mask, cells, context.roles, preprocessor, encoder=encoder, crop=vectors.crop)
    crops = encoder_crops(context, mask, cells, preprocessor)
    n = _n_at_once(encoder.input_px)
    slices = [slice(start, start + n) for start in range(0, max(len(crops), 1), n)]
    parts = (replace(crops, pixels=crops.pixels[rows], cell_ids=crops.cell_ids[rows]) for rows in slices)
    return join_embeddings([encoder.embed(planes_of(context, part), part.cell_ids) for part in parts])


def _n_at_once(side_px: int) -> int:
    """Return how many crops are planes at a time: a power of two, which encoders divide into equal batches."""
    return 1 << max(_PLANES_BYTES // (3 * 4 * side_px**2), 1).bit_length() - 1


def _batches(cells: pd.DataFrame, vectors: VectorSettings) -> list[pd.DataFrame]:
    """Cut a table into batches of cells that lie together; no cells are one batch without any.

    Where the encoder reads windows of a grid, the cells of a square of whole windows are one batch: windows at the rim
    of a batch are read for its neighbour, too, so that a batch must not be a strip.
    """
    if not (vectors.reads.source == "grid" and len(cells)):
        return cell_batches(cells)
    side_px = max(SQUARE_PX // vectors.crop.size_px, 1) * vectors.crop.size_px
    column, row = squares(cells, side_px)
    ordered = cells.iloc[np.lexsort((column, row))]
    return [square for _, square in ordered.groupby([*squares(ordered, side_px)[::-1]])]


def _per_cell(embeddings: Embeddings) -> dict[str, np.ndarray]:
    """Return the arrays that have a row per cell."""
    return {name: value for name, value in vars(embeddings).items() if isinstance(value, np.ndarray)}


def _in_order(embeddings: Embeddings, cell_ids: np.ndarray) -> Embeddings:
    rows = pd.Index(embeddings.cell_ids).get_indexer(cell_ids)
    return replace(embeddings, **{name: values[rows] for name, values in _per_cell(embeddings).items()})


def _name(number: int) -> str:
    return f"vectors-{number:06d}"
