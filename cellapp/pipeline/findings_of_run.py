"""Findings of a folder of `analyse`, from what was measured of it or by measuring its images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from cellapp.cells.counts import classes_of
from cellapp.classification.cell_columns import positive_class
from cellapp.errors import InputError, ModelError
from cellapp.explanation.finding_tables import given_by_hand, needed, with_truth
from cellapp.explanation.findings import Findings, findings
from cellapp.exports.explanation_truth import doubt_of
from cellapp.exports.explanations import read_explanation_summary
from cellapp.exports.run_json import read_run, require_analysed
from cellapp.exports.tables import read_cells
from cellapp.models.bundle import load_models_to_explain
from cellapp.pipeline.explain_method import settings_of_run
from cellapp.pipeline.measure_run import measure_run
from cellapp.pipeline.progress import no_progress
from cellapp.types.image import OnStep, Slide


def findings_of_run(
    out: Path,
    slides: Mapping[str, Callable[[], Slide]],
    target: str | None = None,
    on_step: OnStep | None = None,
) -> Findings:
    """Say what the calls of a run rest on.

    Classes given by hand, where the cell tables have them, are what accuracy is measured against.

    Parameters
    ----------
    out : Path
        The run's folder.
    slides : mapping of folder name to function that opens the image
        Images to measure; none where it was measured before.
    target : str, optional
        Class to explain; the positive class when left out.
    on_step : callable, optional
        Progress; may raise `Cancelled`.

    Raises
    ------
    InputError
        When the folder holds no analysed image, its cells have no classes, or nothing was measured and there is no
        image to measure.
    ModelError
        When the head cannot be had, is another than the run's, makes no maps, or does not know the class.
    """
    stems = [folder.name for folder in require_analysed(out)]
    tables = {stem: read_cells(out / stem / "cells.parquet") for stem in stems}
    target = target or _positive(tables)
    measured = read_explanation_summary(out, stems, target)
    if slides:
        measured = _measured(out, slides, target, on_step or no_progress)
    if measured is None or (len(measured) and needed(measured)):
        raise InputError(f"calls of {target!r} were not measured in {str(out)!r} yet: give its images by --image")
    doubt = doubt_of(read_run(out / stems[0] / "run.json"))
    return findings(with_truth(measured, given_by_hand(tables)), target, doubt)


def _positive(tables: Mapping[str, pd.DataFrame]) -> str:
    for cells in tables.values():
        if classes := classes_of(cells):
            return positive_class(classes)
    raise InputError("cells were counted without classes, so that calls rest on nothing: analyse with a head")


def _measured(out: Path, slides: Mapping[str, Callable[[], Slide]], target: str, on_step: OnStep) -> pd.DataFrame:
    run = read_run(out / next(iter(slides)) / "run.json")
    settings = settings_of_run(run)
    on_step("Loading models", 0.0)
    models = load_models_to_explain(settings)
    _, head = models.to_explain()
    if head.identity != run["head"]:
        raise ModelError(f"the head {run['head']} is not here any more; analyse again, or `rescore` with one that is")
    return measure_run(out, slides, models, settings, target, on_step)
