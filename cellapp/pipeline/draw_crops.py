"""Draw the parts of crops.zip in the processes of an engine; they stay in the checkpoint until the image is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from cellapp.cells.counts import classes_of, outcome
from cellapp.exports.crop_files import CropLook, shown_columns
from cellapp.exports.crop_parts import write_part
from cellapp.pipeline.cell_batches import cell_batches
from cellapp.pipeline.checkpoint import Checkpoint
from cellapp.pipeline.context import ImageContext, RunTasks
from cellapp.pipeline.progress import StepProgress
from cellapp.rendering.composition import ImageStyle
from cellapp.settings import CropSettings
from cellapp.types.cells import Analysis, LabelMask
from cellapp.types.image import OnStep


@dataclass(frozen=True)
class DrawCrops:
    """Task that draws the files of some cells into a part of crops.zip; runs in any process."""

    look: CropLook
    checkpoint: Checkpoint

    def __call__(self, context: ImageContext, part: tuple[Path, pd.DataFrame]) -> None:
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
    cells = analysis.cells
    look = CropLook.of(style, settings, classes_of(cells), analysis.info.um_per_px)
    batches = cell_batches(cells)
    shown = shown_columns(cells, outcome(cells))
    parts = [(checkpoint.path / f"crops-{n:06d}.zip", shown.loc[batch.index]) for n, batch in enumerate(batches)]
    todo = [part for part in parts if not part[0].exists()]
    n_before = len(parts) - len(todo)
    progress = StepProgress(on_step, "Writing crops", "part", n_total=len(parts), n_before=n_before, span=(0.0, 1.0))
    for _ in run_tasks(DrawCrops(look, checkpoint), todo):
        progress.advance()
    return [path for path, _ in parts]
