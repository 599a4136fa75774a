"""Job that measures what a head looks for over all cells of a run, on a sample of them, kept in the run's folder."""

from __future__ import annotations

from functools import partial

import pandas as pd

from cellapp.models.bundle import load_models_to_explain
from cellapp.pipeline.measure_run import measure_run
from cellapp.pipeline.progress import no_progress
from cellapp.store import runs
from cellapp.store.open_image import open_slide
from cellapp.store.records import Status
from cellapp.types.image import OnStep


def summarise_explanations(run_id: str, target: str, on_step: OnStep | None = None) -> pd.DataFrame:
    """Measure what the calls of a run of a project rest on, see `cellapp.pipeline.measure_run.measure_run`.

    Parameters
    ----------
    run_id : str
    target : str
        Class to explain.
    on_step : callable, optional
        Progress; may raise `Cancelled`.

    Raises
    ------
    ModelError
        When the run has no head, the head is away, or it does not know the class.
    StoreError
        When an image's file is gone.
    """
    run, on_step = runs.get_run(run_id), on_step or no_progress
    on_step("Loading models", 0.0)
    models = load_models_to_explain(run.settings)
    done = [image for image in run.images if image.status is Status.DONE]
    slides = {image.stem: partial(open_slide, image.image_id) for image in done}
    return measure_run(runs.run_folder(run_id), slides, models, run.settings, target, on_step)
