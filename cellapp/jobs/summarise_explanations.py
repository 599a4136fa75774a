"""Job that measures what a head looks for over all cells of a run, on a sample of them, kept in the run's folder."""

from __future__ import annotations

import pandas as pd

from cellapp.explanation.methods import method_text
from cellapp.exports.explanations import mean_maps_path, summary_path, write_mean_maps
from cellapp.exports.tables import write_cells
from cellapp.models.bundle import load_models_to_explain
from cellapp.pipeline.context import make_context
from cellapp.pipeline.explain_cells import explain_cells
from cellapp.pipeline.find_nuclei import kept_nuclei
from cellapp.pipeline.mean_maps import cells_with_maps, mean_by_outcome
from cellapp.pipeline.progress import no_progress
from cellapp.pipeline.run_sample import sample_run
from cellapp.segmentation.label_image import read_labels
from cellapp.store import runs
from cellapp.store.open_image import open_slide
from cellapp.store.records import Status
from cellapp.types.cells import LabelMask
from cellapp.types.image import OnStep

_NO_CELLS = pd.DataFrame({"stem": pd.Series(dtype=object), "target": pd.Series(dtype=object)}).rename_axis("cell_id")


def summarise_explanations(run_id: str, target: str, on_step: OnStep | None = None) -> pd.DataFrame:
    """Measure what the calls of a run rest on, on at most `CELLS` cells drawn evenly over what they count as.

    Parameters
    ----------
    run_id : str
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
        When the run has no head, the head is away, or it does not know the class.
    StoreError
        When an image's file is gone.
    """
    run, folder, on_step = runs.get_run(run_id), runs.run_folder(run_id), on_step or no_progress
    on_step("Loading models", 0.0)
    models = load_models_to_explain(run.settings)
    image_ids = {image.stem: image.image_id for image in run.images if image.status is Status.DONE}
    sample = sample_run(folder, list(image_ids))
    n_all, n_before, tables, maps = sum(map(len, sample.values())), 0, [], []
    for stem, cells in sample.items():
        context = make_context(open_slide(image_ids[stem]), None, models, run.settings)
        mask = LabelMask(read_labels(folder / stem / "labels.tif", context.slide.info.shape[1:]), "")

        def on_batch(_: str, part: float, before: int = n_before, n: int = len(cells)) -> None:
            on_step("Measuring what calls rest on", (before + part * n) / n_all)

        nuclei = kept_nuclei(folder / stem, context, mask)
        explained = explain_cells(context, mask, cells, target, nuclei=nuclei, without_parts=True, on_step=on_batch)
        tables.append(explained.compartments.assign(stem=stem))
        maps += cells_with_maps(context, mask, cells, explained.explanations)
        n_before += len(cells)
    table = pd.concat(tables or [_NO_CELLS])
    means, method = (
        mean_by_outcome(maps, models.to_explain()[1].classes),
        method_text(run.settings.explain.method, run.settings.explain.layer),
    )
    write_mean_maps(means, mean_maps_path(folder, target), target=target, method=method)
    write_cells(table, summary_path(folder, target))
    return table
