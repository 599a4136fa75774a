"""What is measured of a slide before its cells are classified, divided among the processes of an engine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
import pandas as pd

from cellapp.cells.measure import cells_to_measure, measure
from cellapp.cells.measure import measure_cells as measure_some
from cellapp.cells.region_reader import cached_reader
from cellapp.images.preprocess import Preprocessor
from cellapp.images.sampling import sample_windows
from cellapp.pipeline.checkpoint import Checkpoint
from cellapp.pipeline.context import ImageContext, RunTasks
from cellapp.segmentation.diameter import CellSize, resolve_size
from cellapp.segmentation.slide_fit import measured_windows
from cellapp.types.cells import LabelMask
from cellapp.types.image import Region

_BATCH = 1024  # cells measured by one task


def measure_sizes(context: ImageContext, run_tasks: RunTasks) -> Iterable[CellSize]:
    """Have the size of cells measured in the windows of a slide that tell it; none where the settings name it.

    Windows are handed out before this returns, and awaited when the sizes are read.
    """
    settings = context.settings.segment
    if settings.diameter is not None:
        return ()
    windows = sample_windows(context.slide)
    asked = [(rank, windows[at]) for rank, at in enumerate(measured_windows(len(windows), settings))]
    return _by_rank(run_tasks(MeasureSize(context.preprocessor), asked))


def _by_rank(found: Iterable[tuple[int, CellSize]]) -> Iterator[CellSize]:
    yield from (size for _, size in sorted(found, key=itemgetter(0)))


@dataclass(frozen=True)
class MeasureSize:
    """Task that finds the size of cells in one window; runs in any process."""

    preprocessor: Preprocessor

    def __call__(self, context: ImageContext, part: tuple[int, Region]) -> tuple[int, CellSize]:
        """Measure a window, given with its rank, which comes back with the size."""
        rank, window = part
        pixels = self.preprocessor.read(context.slide, window)
        settings, roles = context.settings.segment, context.slide_roles
        return rank, resolve_size(settings, context.um_per_px, pixels, roles, segmenter=context.segmenter)


def measure_cells(context: ImageContext, mask: LabelMask, checkpoint: Checkpoint, run_tasks: RunTasks) -> pd.DataFrame:
    """Measure every cell, see `cellapp.cells.measure.measure`; those of an image of several tiles in parts.

    Parameters
    ----------
    context : ImageContext
    mask : LabelMask
        That of the checkpoint where the image has several tiles.
    checkpoint : Checkpoint
        Keeps the finished parts.
    run_tasks : callable
        See `RunTasks`.

    Raises
    ------
    InputError
        If a channel name comes twice.
    """
    source = context.source
    if not checkpoint.has_labels:
        return measure(source, mask, channels=source.info.channels, um_per_px=context.um_per_px)
    cell_ids, boxes = cells_to_measure(mask, source.info.channels)
    parts = [
        (number, cell_ids[start : start + _BATCH], boxes[start : start + _BATCH])
        for number, start in enumerate(range(0, max(len(cell_ids), 1), _BATCH))
    ]
    for _ in run_tasks(MeasureBatch(checkpoint), [part for part in parts if not checkpoint.has(_name(part[0]))]):
        pass
    tables = [pd.DataFrame(checkpoint.read(_name(number))) for number, *_ in parts]
    return pd.concat(tables, ignore_index=True).set_index(pd.Index(cell_ids, name="cell_id"))


@dataclass(frozen=True)
class MeasureBatch:
    """Task that measures some cells and writes their columns to the checkpoint; runs in any process."""

    checkpoint: Checkpoint

    def __call__(self, context: ImageContext, part: tuple[int, np.ndarray, np.ndarray]) -> None:
        """Measure the cells of one part, given as its number, ids and boxes."""
        number, cell_ids, boxes = part
        source, labels = context.source, self.checkpoint.labels()
        read = cached_reader(source, labels.shape)
        table = measure_some(read, labels, cell_ids, boxes, channels=source.info.channels, um_per_px=context.um_per_px)
        self.checkpoint.write(_name(number), **{name: column.to_numpy() for name, column in table.items()})


def _name(number: int) -> str:
    return f"measures-{number:06d}"
