"""`edit`: corrections of the cells of a stored run, as the Segment page makes them by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import typer

from cellapp.cli.output import JSON_OPTION, Progress, emit


def edit(
    run: str = typer.Argument(..., metavar="RUN", help="Id of a run."),
    edits: Path = typer.Argument(
        ..., metavar="EDITS.json", help="List of edits: kind, cells [id], points [[y, x]], radius_px, number."
    ),
    image: str = typer.Option(None, "--image", help="Id, name or folder of an image of the run, where it has several."),
    who: str = typer.Option("", "--who", help="Whose edits these are: undo takes back a person's own."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Draw, brush, erase, delete, merge, split, grow or shrink cells of a run, undo and redo; its files follow."""
    from cellapp.editing.edit import edits_from_json
    from cellapp.jobs.edit_masks import edit_masks
    from cellapp.jobs.follow_edits import follow_edits

    asked, image_id = edits_from_json(_content(edits)), _image_of(run, image)
    report = edit_masks(run, image_id, asked, who=who)
    progress = Progress()
    follow_edits(run, image_id, progress)
    progress.end()
    found = {"run": run, "image": image_id, "number": report.number, "done": list(report.sentences)}
    found |= {"changed": list(report.changed), "gone": list(report.gone)}
    emit(found, as_json, list(report.sentences))


def _content(path: Path) -> Any:
    from cellapp.errors import InputError, why_unread

    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(
            f"{str(path)!r} is no JSON file of edits ({why_unread(error)}); see `python -m cellapp edit --help`"
        ) from error


def _image_of(run_id: str, named: str | None) -> str:
    """Return the image that is meant; raises InputError, listing what the run has, where that is not clear."""
    from cellapp.errors import InputError
    from cellapp.store.runs import get_shown_run

    images = get_shown_run(run_id).images
    found = [image for image in images if named in (None, image.image_id, image.name, image.stem)]
    if len(found) != 1:
        known = ", ".join(repr(image.stem) for image in images)
        what = f"{named!r} is no image" if named else "--image is needed"
        raise InputError(f"{what} of run {run_id!r}; it has {known}")
    return found[0].image_id
