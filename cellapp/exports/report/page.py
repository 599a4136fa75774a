"""Write report.html: every section of a run on one self-contained page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from cellapp.cells.counts import classes_of
from cellapp.classification.cell_columns import positive_class
from cellapp.errors import InputError
from cellapp.evaluation.quantification import Quantifier
from cellapp.explanation.finding_sentences import removal_title
from cellapp.explanation.finding_tables import given_by_hand, with_truth
from cellapp.explanation.findings import TITLES, Findings, findings
from cellapp.exports.explanation_truth import doubt_of
from cellapp.exports.explanations import read_explanation_summary
from cellapp.exports.report.counts import Group, ReportImage, by_hand, groups_of, headline, pooled, report_image
from cellapp.exports.report.figures import ReportFigure, inline, maps_made_by, read_figures
from cellapp.exports.report.limits import limits_of
from cellapp.exports.report.methods_paragraph import methods_paragraph
from cellapp.exports.report.quality import quality_of
from cellapp.exports.report.svg_charts import calibration_chart, share_chart
from cellapp.exports.report.validation import Validation, validation_of
from cellapp.exports.report.words import counted, percent
from cellapp.exports.run_json import PICTURES_BY, analysed_folders
from cellapp.exports.tables import read_cells
from cellapp.files import atomic_write
from cellapp.models.demonstration import demonstration_of_run
from cellapp.regions.words import REGIONS
from cellapp.settings import AnalyseSettings, ExplainSettings

NOT_MADE_BY = (
    *("image", "summary", "roles", "confluency", "answer", "answer_reason"),
    *("seconds", "finished", "input", "peak_memory_mb", PICTURES_BY, REGIONS),
)
"""Parts of run.json that differ between images of one run or are shown elsewhere."""
SECTIONS = ("Overview", "Counts", "Quality", "Validation", "Cells", "Findings", "Methods", "Limits", "Provenance")

Samples = Mapping[str, Mapping[str, str]]
"""Folder name of an image -> condition -> value, as the image table of a project has them."""


def write_report(folder: Path, *, title: str, path: Path | None = None, samples: Samples | None = None) -> Path:
    """Write one self-contained HTML page about a run.

    Parameters
    ----------
    folder : Path
        The run's folder, with one folder per finished image; images without run.json are left out. Figures of cells
        are those kept by `cellapp.exports.report.figures.write_figures`.
    title : str
        Shown as it is: every text is escaped.
    path : Path, optional
        ``report.html`` in `folder` when left out.
    samples : mapping, optional
        What is known of each image; see `Samples`.

    Returns
    -------
    Path
    """
    target = path or folder / "report.html"
    sources = analysed_folders(folder)
    tables = [read_cells(source / "cells.parquet") for source in sources]
    classes = list(dict.fromkeys(name for table in tables for name in classes_of(table)))
    known = samples or {}
    images = [
        report_image(source, table, classes, known.get(source.name, {}))
        for source, table in zip(sources, tables, strict=True)
    ]
    page = _template().render(title=title, percent=percent, counted=counted, **_content(folder, images, classes))
    with atomic_write(target) as part:
        part.write_text(page, encoding="utf-8")
    return target


def _template() -> Any:
    loader = FileSystemLoader(Path(__file__).parent)
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined).get_template("page.html")


def _content(folder: Path, images: Sequence[ReportImage], classes: Sequence[str]) -> dict[str, Any]:
    """Return what the template shows."""
    made_by = images[0].run if images else {}
    validation = validation_of(made_by)
    counts = _counts(images, classes, validation)
    figures, found = read_figures(folder, made_by.get("head")), _findings(folder, images, classes)
    methods, references = "", []
    if images:
        methods, references = methods_paragraph(
            images,
            explained=_map_settings(folder, figures, made_by),
            corrected=bool(counts["fractions"]),
            measured=found is not None,
        )
    return counts | {
        "validation": validation,
        "calibration": _calibration(validation),
        "figures": [(one, inline(one.svg)) for one in figures],
        "found": found,
        "removal_title": removal_title,
        "question_titles": TITLES,
        "methods": methods,
        "references": references,
        "limits": limits_of(images, validation),
        "made_by": json.dumps({k: v for k, v in made_by.items() if k not in NOT_MADE_BY}, indent=2, ensure_ascii=False),
    }


def _counts(images: Sequence[ReportImage], classes: Sequence[str], validation: Validation) -> dict[str, Any]:
    """Return what Overview, Counts and Quality show."""
    groups = groups_of(images, classes)
    fractions, why_not = _fractions(images, groups, validation)
    demonstration = demonstration_of_run(images[0].run if images else {})
    return {
        "answer": headline([image.cells for image in images], classes, demonstration),
        "classes": list(dict.fromkeys(name for image in images for name in image.counts.n_of)),
        "images": images,
        "groups": groups,
        "by_hand": by_hand(images),
        "chart": _chart(images, groups, classes),
        "charted": positive_class(tuple(classes)) if classes else "",
        "fractions": fractions,
        "why_no_fractions": why_not,
        "quality": quality_of(images) if images else None,
    }


def _map_settings(folder: Path, figures: Sequence[ReportFigure], run: Mapping[str, Any]) -> ExplainSettings | None:
    """Return how the maps of the report were made; None where it shows none."""
    if not figures:
        return None
    return maps_made_by(folder) or AnalyseSettings.model_validate(run["settings"]).explain


def _findings(folder: Path, images: Sequence[ReportImage], classes: Sequence[str]) -> Findings | None:
    """Return the findings from what was measured of the run; None where nothing was."""
    if not images or not classes:
        return None
    target = (images[0].run["settings"].get("explain") or {}).get("target") or positive_class(tuple(classes))
    measured = read_explanation_summary(folder, [image.stem for image in images], target)
    if measured is None or not len(measured):
        return None
    given = given_by_hand({image.stem: image.cells for image in images})
    return findings(with_truth(measured, given), target, doubt_of(images[0].run))


def _calibration(validation: Validation) -> str:
    if not validation.calibration:
        return ""
    return calibration_chart(validation.calibration, validation.positive, validation.classes)


def _chart(images: Sequence[ReportImage], groups: Sequence[Group], classes: Sequence[str]) -> str:
    """Draw the share of the positive class where classes are an answer."""
    rows = [(image.name, image.counts) for image in images if not image.answer.unfit]
    rows += [(group.name, group.counts) for group in groups if not group.answer.unfit]
    return share_chart(rows, classes, positive_class(tuple(classes))) if classes and rows else ""


Fractions = list[tuple[str, dict[str, dict[str, float | None]]]]


def _fractions(images: Sequence[ReportImage], groups: Sequence[Group], validation: Validation) -> tuple[Fractions, str]:
    """Return fractions corrected for errors of the head, of all images and each condition, or why there are none."""
    calls = validation.calls
    if calls is None or not images or any(image.answer.unfit for image in images):
        return [], ""
    columns = [f"p_{name}" for name in calls.classes]
    try:
        quantifier, found = Quantifier(calls), []
        for name, mine in _image_sets(images, groups):
            cells = pooled([image.cells for image in mine])
            if not set(columns) <= set(cells.columns):
                return [], ""
            p = cells.loc[cells["qc_pass"].astype(bool), columns].dropna().to_numpy(float)
            found.append((name, quantifier.estimate([p]) if len(p) else {}))
        return [(name, rows) for name, rows in found if rows], ""
    except InputError as error:
        return [], f"{str(error)[:1].upper()}{str(error)[1:]}."


def _image_sets(images: Sequence[ReportImage], groups: Sequence[Group]) -> list[tuple[str, Sequence[ReportImage]]]:
    return [(group.name, group.images) for group in groups] or [("all images", images)]
