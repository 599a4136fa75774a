"""The whole report of a run: its figures, made with its images and models, and the page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from cellapp.errors import ModelError
from cellapp.explanation.methods import method_text
from cellapp.exports.explanations import read_explanation_summary, read_mean_maps
from cellapp.exports.report.figures import write_figures
from cellapp.exports.report.page import write_report
from cellapp.exports.run_json import analysed_folders, read_run, require_analysed
from cellapp.models.bundle import load_models_to_explain
from cellapp.pipeline.explain_method import settings_of_run, with_explain_method
from cellapp.pipeline.measure_run import measure_run
from cellapp.pipeline.progress import no_progress
from cellapp.pipeline.report_figures import report_figures
from cellapp.settings import AnalyseSettings
from cellapp.types.image import OnStep, Slide


def keep_report_figures(
    out: Path, slides: Mapping[str, Callable[[], Slide]], on_step: OnStep | None = None
) -> tuple[int, str]:
    """Make the figures of a run's report and keep them with it.

    Parameters
    ----------
    out : Path
        The run's folder.
    slides : mapping of folder name to function that opens the image
    on_step : callable, optional
        Progress; may raise `Cancelled`.

    Returns
    -------
    int
        Number of figures.
    str
        Why there are none, in a sentence without its full stop; "" where there are.

    Raises
    ------
    InputError
        When the folder holds no analysed image.
    """
    on_step = on_step or no_progress
    run = first_run(out)
    settings = settings_of_run(run)
    if not run.get("head"):
        return 0, "cells were counted without classes, so that there is nothing to explain"
    on_step("Loading models", 0.0)
    try:
        models = load_models_to_explain(settings)
    except ModelError as error:
        return 0, str(error)
    if models.head is None or models.head.identity != run["head"]:
        return 0, f"the head {run['head']} is not here any more"
    if models.head.only_on_slides:
        return 0, models.head.only_on_slides
    target = settings.explain.target or models.head.positive
    settings = with_explain_method(settings, models.head)
    if not _measured(out, settings, target):
        measure_run(out, slides, models, settings, target, lambda step, part: on_step(step, 0.8 * part))
    figures = report_figures(out, slides, models, settings, target, lambda step, part: on_step(step, 0.8 + 0.15 * part))
    write_figures(out, figures, run["head"], settings.explain)
    return len(figures), "" if figures else "no cell has a class"


def _measured(out: Path, settings: AnalyseSettings, target: str) -> bool:
    """Whether findings and mean maps of a class are there, and the maps by the method of the settings."""
    known = [folder.name for folder in analysed_folders(out)]
    means, method = read_mean_maps(out, target)
    wanted = method_text(settings.explain.named, settings.explain.layer)
    return read_explanation_summary(out, known, target) is not None and bool(means) and method == wanted


def report_run(
    out: Path,
    slides: Mapping[str, Callable[[], Slide]],
    *,
    title: str,
    path: Path | None = None,
    on_step: OnStep | None = None,
) -> tuple[Path, str]:
    """Write report.html of a folder of `analyse`, with the figures that its images allow.

    Parameters
    ----------
    out : Path
        The run's folder.
    slides : mapping of folder name to function that opens the image
        Where there are none, figures of an earlier report stay.
    title : str
    path : Path, optional
        ``report.html`` in `out` when left out.
    on_step : callable, optional
        Progress; may raise `Cancelled`.

    Returns
    -------
    Path
        Of the page.
    str
        Why it shows no cells, in a sentence without its full stop; "" where it does or was not asked to.
    """
    why = keep_report_figures(out, slides, on_step)[1] if slides else ""
    return write_report(out, title=title, path=path), why


def first_run(out: Path) -> dict[str, object]:
    """Return run.json of the first image of a run. Raises InputError when there is none."""
    return read_run(require_analysed(out)[0] / "run.json")


def images_by_digest(out: Path, slides: Iterable[Callable[[], Slide]]) -> dict[str, Callable[[], Slide]]:
    """Return which of some images are those of a run, by folder name; an image is known by its bytes.

    Parameters
    ----------
    out : Path
        The run's folder.
    slides : iterable of functions that open an image
    """
    folders = analysed_folders(out)
    stems = {read_run(folder / "run.json")["image"].get("sha256"): folder.name for folder in folders}
    found = {}
    for open_slide in slides:
        stem = stems.get(open_slide().digest)
        if stem is not None:
            found[stem] = open_slide
    return found
