"""Trace the outlines of cells in parts, by the processes of an engine; they stay until outlines.geojson is written.

What a cell counts as is not in an outline, so that its JSON is the same whatever the classes are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from cellapp.cells.shape import BOX_COLUMNS
from cellapp.exports.geojson import outline_of
from cellapp.pipeline.checkpoint import Checkpoint
from cellapp.pipeline.context import ImageContext, RunTasks
from cellapp.pipeline.progress import hand_out
from cellapp.types.image import OnStep

_BATCH = 256  # cells traced by one task, and outlines in memory while the file is written

Part = tuple[int, np.ndarray, np.ndarray]
"""Number of a part, the ids of its cells and their boxes."""


@dataclass(frozen=True)
class TraceBatch:
    """Task that traces some cells and writes their outlines to the checkpoint; runs in any process."""

    checkpoint: Checkpoint

    def __call__(self, context: ImageContext, part: Part) -> None:
        """Trace the cells of one part."""
        number, cell_ids, boxes = part
        labels = self.checkpoint.labels()
        outlines = [outline_of(labels, int(cell_id), box) for cell_id, box in zip(cell_ids, boxes, strict=True)]
        text = np.frombuffer("\n".join(outlines).encode("ascii"), np.uint8)
        self.checkpoint.write(_name(number), outlines=text)


class TracedOutlines(Mapping[int, str]):
    """The outlines of the cells of an image as JSON, by cell id; those of one part are in memory at a time."""

    def __init__(self, checkpoint: Checkpoint, cell_ids: np.ndarray, wait: Callable[[], None]) -> None:
        """Take the checkpoint that the parts of these cells, in this order, will be in, and what waits for them."""
        self._checkpoint, self._ids, self._wait = checkpoint, pd.Index(cell_ids), wait
        self._part = lru_cache(1)(self._read)

    def __getitem__(self, cell_id: int) -> str:
        """Return the outline of a cell."""
        number, at = divmod(self._ids.get_loc(cell_id), _BATCH)
        return self._part(number)[at]

    def __iter__(self) -> Iterator[int]:
        """Yield the ids of the cells."""
        return iter(self._ids.tolist())

    def __len__(self) -> int:
        """Return how many cells there are."""
        return len(self._ids)

    def _read(self, number: int) -> list[str]:
        self._wait()
        return self._checkpoint.read(_name(number))["outlines"].tobytes().decode("ascii").split("\n")


def trace_outlines(
    cells: pd.DataFrame, checkpoint: Checkpoint, run_tasks: RunTasks, on_step: OnStep
) -> Mapping[int, str]:
    """Have the cells of an image traced, but for parts that are there already.

    Parts are handed out before this returns, and awaited when an outline is read.

    Parameters
    ----------
    cells : DataFrame
        Cell table, of the labels of the checkpoint.
    checkpoint : Checkpoint
    run_tasks : callable
        See `RunTasks`.
    on_step : callable
        Progress of this step, 0 to 1; may raise `Cancelled`.

    Returns
    -------
    mapping of cell id to str
        For `cellapp.exports.geojson.write_geojson`.
    """
    cell_ids, boxes = cells.index.to_numpy(np.int32), cells[BOX_COLUMNS].to_numpy(np.int32)
    starts = range(0, len(cells), _BATCH)
    parts = [(number, cell_ids[at : at + _BATCH], boxes[at : at + _BATCH]) for number, at in enumerate(starts)]
    task = TraceBatch(checkpoint)
    wait = hand_out(
        parts,
        lambda part: checkpoint.has(_name(part[0])),
        lambda missing: run_tasks(task, missing),
        on_step,
        "Tracing outlines",
        "part",
    )
    return TracedOutlines(checkpoint, cell_ids, wait)


def _name(number: int) -> str:
    return f"outlines-{number:06d}"
