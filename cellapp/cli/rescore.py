"""`rescore`: the classes of another head for a folder that `analyse` wrote, from the vectors in it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cellapp.cli.analyse import summary_lines
from cellapp.cli.file_images import list_file_images
from cellapp.cli.inputs import input_files
from cellapp.cli.options import depth_of
from cellapp.cli.output import JSON_OPTION, Progress, emit, note

Images = Annotated[
    list[str] | None,
    typer.Option("--image", metavar="INPUT", help="Images analysed (file, folder, glob): draws their pictures again."),
]


def rescore(
    out: Path = typer.Argument(..., metavar="RUN_OUT", help="The --out folder of `analyse`."),
    head: str = typer.Option(..., "--head", help="Head in `models list`, or the folder of a trained head."),
    threshold: float = typer.Option(None, help="Probability from which a cell is called positive; else as before."),
    unsure_margin: float = typer.Option(None, help="Margin below which a cell is unsure; else as before."),
    images: Images = None,
    as_json: bool = JSON_OPTION,
) -> None:
    """Call the cells of an analysed folder by another head, without its images and without the encoder.

    Tables, outlines, summary and run.json follow; the classes before are kept, and their head gives them back.
    """
    from cellapp.exports.run_json import read_run, require_analysed
    from cellapp.exports.stored_summary import stored_answer
    from cellapp.pipeline.active_classes import follow, not_drawn
    from cellapp.pipeline.rescore import rescore
    from cellapp.settings import ClassifySettings
    from cellapp.settings_io import validated

    first, progress = require_analysed(out)[0], Progress()
    before = read_run(first / "run.json")["settings"].get("classify", {})
    asked = {"head": head, "threshold": threshold, "unsure_margin": unsure_margin}
    changes = {name: value for name, value in asked.items() if value is not None}
    versions = rescore(out, validated(ClassifySettings, {**before, "encoder": None, **changes}))
    rows = follow(out, versions, progress)
    if images:
        _draw(out, images, progress)
    progress.end()
    stale = sorted(folder.name for folder in not_drawn(out))
    if stale:
        note(f"cellapp: overlay.png and crops.zip of {', '.join(stale)} show other classes; --image INPUT draws them")
    answer = stored_answer(first, rows)
    found = {"out": str(out), "head": versions.active.head, "images": rows, "not_drawn": stale}
    emit(found | {"answer": answer.fitness.value, "answer_reason": answer.reason}, as_json, summary_lines(rows))


def _draw(out: Path, images: list[str], progress: Progress) -> None:
    """Draw overlay and crops of the images given."""
    from cellapp.pipeline.active_classes import draw_active_classes, not_drawn

    waiting = not_drawn(out)
    rule = depth_of(next(iter(waiting)) / "run.json") if waiting else "max"
    with input_files(images, out) as files:
        for image in list_file_images(files, None, scene="all", time="all", depth=rule):
            slide = image.open()
            for folder in [folder for folder, digest in waiting.items() if digest == slide.digest]:
                draw_active_classes(folder, slide, progress)
