"""What the calls of a run rest on: measured on a sample of its cells, and kept in the run's folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from cellapp.explanation.methods import method_text
from cellapp.exports.explanations import mean_maps_path, summary_path, write_mean_maps
from cellapp.exports.tables import write_cells
from cellapp.models.bundle import RunModels
from cellapp.pipeline.context import make_context
from cellapp.pipeline.explain_cells import explain_cells
from cellapp.pipeline.explain_method import with_explain_method
from cellapp.pipeline.find_nuclei import kept_nuclei
from cellapp.pipeline.mean_maps import cells_with_maps, mean_by_outcome
from cellapp.pipeline.progress import no_progress
from cellapp.pipeline.run_sample import sample_run
from cellapp.segmentation.label_image import read_labels
from cellapp.settings import AnalyseSettings
from cellapp.types.cells import LabelMask
from cellapp.types.image import OnStep, Slide

_NO_CELLS = pd.DataFrame({"stem": pd.Series(dtype=object), "target": pd.Series(dtype=object)}).rename_axis("cell_id")


def measure_run(
    folder: Path,
    slides: Mapping[str, Callable[[], Slide]],
    models: RunModels,
    settings: AnalyseSettings,
    target: str,
    on_step: OnStep | None = None,
) -> pd.DataFrame:
    """Measure what the calls of a run rest on, on at most `CELLS` cells drawn evenly over what they count as.

    Parameters
    ----------
    folder : Path
        The run's folder.
    slides : mapping of folder name to function that opens the image
        Of the images to measure.
    models : RunModels
        With encoder and head.
    settings : AnalyseSettings
        Of the run.
    target : str
        Class to explain.
    on_step : callable, optional
        Progress; may raise `Cancelled`.

    Returns
    -------
    DataFrame
        That of `cellapp.pipeline.explain_cells.explain_cells`, with parts removed, and ``stem``, the image's folder in
        the run; ids repeat between images. It is kept as ``regions_<target>.parquet`` in the run's folder, the mean map
        of each class as ``mean_maps_<target>.npz``.

    Raises
    ------
    ModelError
        When the head does not know the class.
    """
    on_step, sample = on_step or no_progress, sample_run(folder, list(slides))
    settings = with_explain_method(settings, models.head)
    n_all, n_before, tables, maps = sum(map(len, sample.values())), 0, [], []
    for stem, cells in sample.items():
        context = make_context(slides[stem](), None, models, settings)
        mask = LabelMask(read_labels(folder / stem / "labels.tif", context.slide.info.shape[1:]), "")

        def on_batch(_: str, part: float, before: int = n_before, n: int = len(cells)) -> None:
            on_step("Measuring what calls rest on", (before + part * n) / n_all)

        nuclei = kept_nuclei(folder / stem, context, mask)
        explained = explain_cells(context, mask, cells, target, nuclei=nuclei, without_parts=True, on_step=on_batch)
        tables.append(explained.compartments.assign(stem=stem))
        maps += cells_with_maps(context, mask, cells, explained.explanations)
        n_before += len(cells)
    means = mean_by_outcome(maps, models.to_explain()[1].classes)
    method = method_text(settings.explain.named, settings.explain.layer)
    write_mean_maps(means, mean_maps_path(folder, target), target=target, method=method)
    table = pd.concat(tables or [_NO_CELLS])
    write_cells(table, summary_path(folder, target))
    return table
