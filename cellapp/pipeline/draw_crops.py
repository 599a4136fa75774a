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
from cellapp.pipeline.progress import do_missing, hand_out
from cellapp.rendering.composition import ImageStyle
from cellapp.settings import CropSettings
from cellapp.types.cells import Analysis, LabelMask
from cellapp.types.image import OnStep, Slide

_BATCH_HERE = 64  # cells of a part drawn by a thread: small images have work for every core, too

Part = tuple[Path, pd.DataFrame]
"""File of a part, and the cells in it."""

_WORDS = ("Writing crops", "part")


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
) -> Iterator[Path]:
    """Have the cells of an image drawn, but for parts that are there already.

    Parts are handed out before this returns, and awaited when the first file is asked for.

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
    iterator of Path
        For `cellapp.exports.image_folder.write_analysis`.
    """
    task = DrawCrops(_crop_look(analysis, style, settings), checkpoint)
    parts = _parts(analysis.cells, BATCH, checkpoint)
    wait = hand_out(parts, _is_drawn, lambda missing: run_tasks(task, missing), on_step, *_WORDS)
    return _files(parts, wait)


def draw_crops_here(
    analysis: Analysis,
    slide: Slide,
    style: ImageStyle,
    settings: CropSettings,
    checkpoint: Checkpoint,
    on_step: OnStep,
) -> Sequence[Path]:
    """Draw the cells of an image as `draw_crops` does, on every core of this process, and return the files.

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
    look, parts = _crop_look(analysis, style, settings), _parts(analysis.cells, _BATCH_HERE, checkpoint)
    with ThreadPoolExecutor(n_cores()) as pool:

        def run(missing: Sequence[Part]) -> Iterator[Path]:
            started = [pool.submit(write_part, slide, analysis.mask, cells, path, look) for path, cells in missing]
            return (done.result() for done in as_completed(started))

        try:
            do_missing(parts, _is_drawn, run, on_step, *_WORDS)
        except BaseException:
            pool.shutdown(cancel_futures=True)  # parts in hand are finished and kept
            raise
    return [path for path, _ in parts]


def _crop_look(analysis: Analysis, style: ImageStyle, settings: CropSettings) -> CropLook:
    return CropLook.of(style, settings, classes_of(analysis.cells), analysis.info.um_per_px)


def _parts(cells: pd.DataFrame, n_most: int, checkpoint: Checkpoint) -> list[Part]:
    """Cut the cells into parts of at most `n_most` each."""
    shown = shown_columns(cells, outcome(cells))
    batches = enumerate(cell_batches(cells, n_most=n_most))
    return [(checkpoint.path / f"crops-{number:06d}.zip", shown.loc[batch.index]) for number, batch in batches]


def _is_drawn(part: Part) -> bool:
    return part[0].exists()


def _files(parts: Sequence[Part], wait: Callable[[], None]) -> Iterator[Path]:
    wait()
    yield from (path for path, _ in parts)
