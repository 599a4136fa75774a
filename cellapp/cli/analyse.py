"""`analyse`: from images to folders of results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from cellapp.cli.crops_zip import note_missing
from cellapp.cli.file_images import Depth, Scene, Time
from cellapp.cli.limits import Regions
from cellapp.cli.options import (
    Channels,
    Diameter,
    ErrorRate,
    Inputs,
    Out,
    Preprocess,
    SecondLook,
    Segmenter,
    UmPerPx,
    Unsure,
    build_settings,
    depth_of,
    weights_of_base,
)
from cellapp.cli.outline_notes import note_unreliable
from cellapp.cli.output import JSON_OPTION, Progress, emit, note
from cellapp.cli.references import Reference
from cellapp.cli.role_notes import counted_in, note_unknown_roles
from cellapp.cli.run_items import run_items
from cellapp.cli.together import Combine, JoinTiles

if TYPE_CHECKING:
    from cellapp.pipeline.run_batch import RunReport
    from cellapp.pipeline.run_inputs import RunItem

WAY_OUT = (
    "To classify cells like these: sort pictures of single cells, as in crops.zip, into a folder per class, run "
    "`python -m cellapp train FOLDER --out my-head`, and analyse again with --head my-head; --head none only counts."
)


def analyse(
    inputs: Inputs,
    out: Out,
    segmenter: Segmenter = None,
    encoder: str = typer.Option(None, help="Encoder; the head's own when left out."),
    head: str = typer.Option(None, help='Head in `models list` or a folder; "none" counts without classes.'),
    unsure: Unsure = None,
    error_rate: ErrorRate = None,
    channels: Channels = None,
    um_per_px: UmPerPx = None,
    diameter: Diameter = None,
    second_look: SecondLook = True,
    preprocess: Preprocess = None,
    explain: int = typer.Option(0, help="Cells to explain per image."),
    explain_method: str = typer.Option(
        None,
        help="The method measured most faithful to the head when left out, else exact. Also "
        "hirescam, gradcam, gradcam++, xgradcam, layercam, eigencam, elementwise, "
        "class-token, integrated-gradients, guided-backpropagation, rollout or occlusion.",
    ),
    explain_layer: int = typer.Option(None, help="Layer of hirescam to elementwise: 0 final norm, 1 last block..."),
    explain_target: str = typer.Option(
        None, help="Class that maps are for or against; the positive class if left out."
    ),
    describe: bool = typer.Option(
        False, "--describe", help="Add fibres, texture, radial distribution and nucleus to the table."
    ),
    crops: bool = typer.Option(
        None,
        "--crops/--no-crops",
        help="Whether to write crops.zip; `crops` makes it later, the same.  [default: crops]",
    ),
    scene: Scene = "all",
    time: Time = "all",
    depth: Depth = None,
    combine: Combine = False,
    join_tiles: JoinTiles = False,
    reference: Reference = None,
    labels: Path = typer.Option(
        None,
        "--labels",
        help="Labels to take in place of a segmenter's, a file or a folder matched by stem: TIFF, PNG, _seg.npy of "
        "Cellpose, ImageJ ROIs (.zip), GeoJSON of QuPath, COCO, run lengths (.csv).",
    ),
    regions: Regions = None,
    with_report: bool = typer.Option(False, "--report", help="Also write OUT/report.html, with cells and their maps."),
    engine: str = typer.Option("serial", help="serial, processes, processes:N, or a Dask scheduler: tcp://HOST:PORT."),
    resume: bool = typer.Option(False, "--resume", help="Go on with an interrupted run; what is finished is kept."),
    settings: Path = typer.Option(None, help="JSON of settings, or a run.json to repeat; options win over it."),
    as_json: bool = JSON_OPTION,
) -> int:
    """Segment, measure, classify and explain images: the main job."""
    from cellapp.compute.executor import Engine
    from cellapp.models.other_weights import other_weights
    from cellapp.pipeline.run_batch import run_images

    segmenter = _named_segmenter(segmenter, labels)
    finding = {"segmenter": segmenter, "diameter": diameter, "second_look": second_look, "preprocess": preprocess}
    calling = {"encoder": encoder, "head": head, "unsure": unsure, "error_rate": error_rate, "describe": describe}
    maps = {"explain": explain, "explain_method": explain_method, "explain_layer": explain_layer}
    maps |= {"explain_target": explain_target, "draw_crops": crops}
    chosen = build_settings(base=settings, channels=channels, um_per_px=um_per_px, **finding, **calling, **maps)
    for sentence in other_weights(weights_of_base(settings), chosen):
        note(f"cellapp: {sentence}")
    which = {"scene": scene, "time": time, "depth": depth or depth_of(settings)}
    together = {"combine": combine, "join_tiles": join_tiles, "reference": reference}
    together |= {"labels": labels, "regions": regions}
    progress = Progress()
    with run_items(inputs, out, **which, **together) as items:
        report = run_images(items, chosen, out, on_progress=progress, resume=resume, engine=Engine(engine))
        if with_report and len(report.failed) < len(report.results):
            _write_report(out, items, progress)
    progress.end()
    summaries = [result.summary for result in report.results if result.summary]
    _note_problems(out, report, summaries, with_report=with_report)
    missing = note_missing(out)
    failures = {result.stem: result.error for result in report.failed}
    found = {"out": str(out), "images": summaries, "failed": failures, "without_crops": missing} | _answer(out, report)
    emit(found, as_json, summary_lines(summaries))
    if not report.failed:
        return 0
    return 2 if all(result.unusable for result in report.results) else 1


def _named_segmenter(segmenter: str | None, labels: Path | None) -> str | None:
    """Return what the settings name as the segmenter, where labels are given what stands for them."""
    from cellapp.errors import InputError
    from cellapp.settings import IMPORTED

    if labels is None:
        return segmenter
    if segmenter is not None:
        raise InputError("--labels are the cells, so nothing is segmented; leave out --segmenter, or --labels")
    return IMPORTED


def _note_problems(out: Path, report: RunReport, summaries: Sequence[dict[str, Any]], *, with_report: bool) -> None:
    """Say on stderr what failed, what had to be assumed, and what was not done."""
    for result in report.failed:
        note(f"cellapp: {result.stem}: {result.error}")
    note_unknown_roles(counted_in(out, [result.stem for result in report.results if result.error is None]))
    for sentence in _not_explained(out, report):
        note(f"cellapp: not explained: {sentence}")
    if cost := _cost(out, report, with_report):
        note(f"cellapp: {cost}")
    for row in summaries:
        if row.get("note"):
            note(f"cellapp: {row['image']}: {row['note']}")
    note_unreliable(summaries)


def _write_report(out: Path, items: Sequence[RunItem], progress: Progress) -> None:
    from cellapp.pipeline.report_run import report_run

    slides = {item.stem: item.open_target or item.open for item in items if (out / item.stem / "run.json").is_file()}
    _, why = report_run(out, slides, title=out.resolve().name, on_step=progress)
    if why:
        note(f"cellapp: no cells in the report: {why}")


def _cost(out: Path, report: RunReport, with_report: bool) -> str:
    """Return what maps cost that are by a slow method nobody named."""
    from cellapp.exports.run_json import read_run
    from cellapp.pipeline.explain_method import cost_note
    from cellapp.settings import AnalyseSettings

    for stem in (result.stem for result in report.results if result.error is None):
        explain = AnalyseSettings.model_validate(read_run(out / stem / "run.json")["settings"]).explain
        return cost_note(explain) if explain.n or with_report else ""
    return ""


def _not_explained(out: Path, report: RunReport) -> set[str]:
    from cellapp.exports.run_json import read_run

    trees = [read_run(out / result.stem / "run.json") for result in report.results if result.error is None]
    return {tree["not_explained"] for tree in trees if tree.get("not_explained")}


def _answer(out: Path, report: RunReport) -> dict[str, str]:
    """Return whether the classes of all images together are an answer, and why not, for the JSON object."""
    from cellapp.cells.answer import Answer
    from cellapp.exports.stored_summary import stored_answer

    rows = {result.stem: result.summary for result in report.results if result.summary}
    answer = stored_answer(out / next(iter(rows)), list(rows.values())) if rows else Answer()
    return {"answer": answer.fitness.value, "answer_reason": answer.reason}


def summary_lines(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return what is told of each image, and what to do where classes are no answer."""
    unfit = any(row["answer"] == "unfit" for row in rows)
    return [*map(_line, rows), *([WAY_OUT] if unfit else [])]


def _line(row: dict[str, Any]) -> str:
    """Return the count of an image's cells first, then its classes, or why they are no answer."""
    from cellapp.cells.answer import FOR_SHOW, NO_CLASSIFIER, pool
    from cellapp.exports.tables import row_classes

    counts = ", ".join([*(f"{row[f'n_{name}']:,} {name}" for name in row_classes(row)), f"{row['n_unsure']:,} unsure"])
    limits = f" in regions, {row['regions']}" if row.get("regions") else ""
    start, unlike = f"{row['image']}: {row['n_cells']:,} cells{limits}", row.get("n_unlike_training")
    if not row_classes(row):
        return start
    if row.get("answer") != "unfit":
        return f"{start}, {counts}" + (f", {unlike:,} unlike the training cells" if unlike else "")
    if pool([row]).mostly_unlike:
        return f"{start}. {NO_CLASSIFIER}: {row['answer_reason']}"
    return f"{start}. {FOR_SHOW}: {row['answer_reason']}, which calls {counts}"
