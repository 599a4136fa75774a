"""Job that makes the maps of cells a user picked after the run, and keeps them beside the image's results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from cellapp.errors import StoreError
from cellapp.exports.explanations import maps_path, stored_maps, write_maps
from cellapp.exports.tables import read_cells
from cellapp.models.bundle import load_models_to_explain
from cellapp.pipeline.context import make_context
from cellapp.pipeline.maps_of_cells import maps_of_cells
from cellapp.pipeline.progress import no_progress
from cellapp.segmentation.label_image import read_labels
from cellapp.settings import AnalyseSettings, ExplainSettings
from cellapp.store import runs
from cellapp.store.open_image import open_slide
from cellapp.types.cells import Explanations, LabelMask, join_explanations
from cellapp.types.image import OnStep


def explain_selected_cells(
    run_id: str,
    image_id: str,
    cell_ids: Sequence[int],
    target: str,
    on_step: OnStep | None = None,
    *,
    how: ExplainSettings | None = None,
    head: str | None = None,
) -> Path:
    """Explain cells of one image of a run and keep their maps in the image's folder.

    Maps kept before stay; an image analysed anew starts without any, because its folder is replaced.

    Parameters
    ----------
    run_id, image_id : str
    cell_ids : sequence of int
    target : str
        Class to explain.
    on_step : callable, optional
        Progress; may raise `Cancelled`, then nothing new is kept.
    how : ExplainSettings, optional
        Method and layer; those of the run when left out.
    head : str, optional
        Another head than the run's to explain, with its own encoder and way of cutting.

    Returns
    -------
    Path
        The file, see `cellapp.exports.explanations.write_maps`.

    Raises
    ------
    StoreError
        When the run has no such image or the image no such cell.
    ModelError
        When encoder or head cannot be had.
    """
    run, on_step = runs.get_run(run_id), on_step or no_progress
    entry = run.image(image_id)
    if entry is None:
        raise StoreError(f"run {run_id!r} has no image {image_id!r}; reload the page")
    folder = runs.run_folder(run_id) / entry.stem
    cells = read_cells(folder / "cells.parquet")
    unknown = sorted(set(cell_ids) - set(cells.index.tolist()))
    if unknown:
        raise StoreError(f"image {entry.name!r} has no cell {unknown[0]} in this run; reload the page")
    settings = settings_to_explain(run.settings, how, head)
    on_step("Loading models", 0.0)
    context = make_context(open_slide(image_id), None, load_models_to_explain(settings), settings)
    settings = context.settings
    mask = LabelMask(read_labels(folder / "labels.tif", context.slide.info.shape[1:]), "")
    stored = stored_maps(folder, target, settings.explain, head)
    made = maps_of_cells(context, mask, cells.loc[list(cell_ids)], target, on_step)
    parts = [made] if stored is None else [made, stored]
    return write_maps(_latest(join_explanations(parts)), maps_path(folder, target, settings.explain, head))


def settings_to_explain(
    settings: AnalyseSettings, how: ExplainSettings | None = None, head: str | None = None
) -> AnalyseSettings:
    """Return the settings of a run with another method of explanation, another head, or both."""
    settings = settings if how is None else settings.model_copy(update={"explain": how})
    if head is None:
        return settings
    classify = settings.classify.model_copy(update={"head": head, "encoder": None, "unsure": "margin"})
    return settings.model_copy(update={"classify": classify})


def _latest(explanations: Explanations) -> Explanations:
    """Sort maps by cell id; of a cell that is there twice the first is taken."""
    ids, rows = np.unique(explanations.cell_ids, return_index=True)
    arrays = {name: getattr(explanations, name)[rows] for name in ("maps", "rest", "logits")}
    return replace(explanations, **arrays, cell_ids=ids)
