"""Draw the parts of crops.zip, by the processes of an engine or every core of this one; they stay until joined."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from cellapp.cells.counts import classes_of, outcome
from cellapp.compute.executor import n_cores
from cellapp.exports.crop_files import CropLook, shown_columns
from cellapp.exports.crop_parts import write_part
from cellapp.pipeline.cell_batches import BATCH, cell_batches
from cellapp.pipeline.checkpoint import Checkpoint
from cellapp.pipeline.context import ImageContext, RunTasks
from cellapp.pipeline.progress import do_missing
from cellapp.rendering.composition import ImageStyle
from cellapp.settings import CropSettings
from cellapp.types.cells import Analysis, LabelMask
from cellapp.types.image import OnStep, Slide

_BATCH_HERE = 64  # cells of a part drawn by a thread: small images have work for every core, too

Part = tuple[Path, pd.DataFrame]
"""File of a part, and the cells in it."""


@dataclass(frozen=True)
class DrawCrops:
    """Task that draws the files of some cells into a part of crops.zip; runs in any process."""

    look: CropLook
    checkpoint: Checkpoint

    def __call__(self, context: ImageContext, part: Part) -> None:
        """Draw the cells of one part, given with the file it goes to."""
        path, cells = part
        write_part(context.source, LabelMask(self.checkpoint.labels(), ""), cells, path, self.look)


def draw_crops(
    analysis: Analysis,
    style: ImageStyle,
    settings: CropSettings,
    checkpoint: Checkpoint,
    run_tasks: RunTasks,
    on_step: OnStep,
) -> Sequence[Path]:
    """Draw the cells of an image, but for parts that are there already, and return the files.

    Parameters
    ----------
    analysis : Analysis
        Whose labels are those of the checkpoint.
    style : ImageStyle
        Of the image that cells were measured on.
    settings : CropSettings
        Of the run.
    checkpoint : Checkpoint
    run_tasks : callable
        See `RunTasks`.
    on_step : callable
        Progress of this step, 0 to 1; may raise `Cancelled`.

    Returns
    -------
    sequence of Path
        For `cellapp.exports.image_folder.write_analysis`.
    """
    task = DrawCrops(_crop_look(analysis, style, settings), checkpoint)
    return _draw(analysis.cells, BATCH, checkpoint, lambda parts: run_tasks(task, parts), on_step)


def draw_crops_here(
    analysis: Analysis,
    slide: Slide,
    style: ImageStyle,
    settings: CropSettings,
    checkpoint: Checkpoint,
    on_step: OnStep,
) -> Sequence[Path]:
    """Draw the cells of an image as `draw_crops` does, on every core of this process.

    Parameters
    ----------
    analysis : Analysis
        With its labels.
    slide : Slide
        That cells were measured on.
    style, settings, on_step
        See `draw_crops`.
    checkpoint : Checkpoint
        Where parts are kept.
    """
    look = _crop_look(analysis, style, settings)
    with ThreadPoolExecutor(n_cores()) as pool:

        def run(parts: Sequence[Part]) -> Iterator[Path]:
            started = [pool.submit(write_part, slide, analysis.mask, cells, path, look) for path, cells in parts]
            return (done.result() for done in as_completed(started))

        try:
            return _draw(analysis.cells, _BATCH_HERE, checkpoint, run, on_step)
        except BaseException:
            pool.shutdown(cancel_futures=True)  # parts in hand are finished and kept
            raise


def _crop_look(analysis: Analysis, style: ImageStyle, settings: CropSettings) -> CropLook:
    return CropLook.of(style, settings, classes_of(analysis.cells), analysis.info.um_per_px)


def _draw(
    cells: pd.DataFrame,
    n_most: int,
    checkpoint: Checkpoint,
    run: Callable[[Sequence[Part]], Iterator[object]],
    on_step: OnStep,
) -> list[Path]:
    """Have the parts drawn that are not there, of at most `n_most` cells each, and return the files of all."""
    shown = shown_columns(cells, outcome(cells))
    batches = enumerate(cell_batches(cells, n_most=n_most))
    parts = [(checkpoint.path / f"crops-{number:06d}.zip", shown.loc[batch.index]) for number, batch in batches]
    do_missing(parts, lambda part: part[0].exists(), run, on_step, "Writing crops", "part")
    return [path for path, _ in parts]
