"""`report`: the report of a folder that `analyse` wrote, on one page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cellapp.cli.file_images import list_file_images
from cellapp.cli.inputs import input_files
from cellapp.cli.options import depth_of
from cellapp.cli.output import JSON_OPTION, Progress, emit, note

if TYPE_CHECKING:
    from cellapp.types.image import Slide

Images = Annotated[
    list[str] | None,
    typer.Option("--image", metavar="INPUT", help="Images analysed (file, folder, glob): draws cells with their maps."),
]


def report(
    run: Path = typer.Argument(..., metavar="RUN_OUT", help="The --out folder of `analyse`."),
    images: Images = None,
    out: Path = typer.Option(None, "--out", help="File to write; RUN_OUT/report.html when left out.", dir_okay=False),
    title: str = typer.Option(None, help="Title of the page; the folder's name when left out."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Write one page about a run: counts, quality, validation, cells with maps, findings, methods, limits, provenance.

    It opens without a network and prints as a PDF. Without --image it shows the cells of an earlier report, if any.
    """
    from cellapp.pipeline.report_run import first_run, images_by_digest, report_run

    progress = Progress()
    first_run(run)
    with opened_images(images or [], run) as slides:
        known = images_by_digest(run, slides)
        path, why = report_run(run, known, title=title or run.resolve().name, path=out, on_step=progress)
    progress.end()
    if images and not known:
        why = f"none of the {len(slides)} images given was analysed in {run}"
    if why:
        note(f"cellapp: no cells shown: {why}")
    emit({"report": str(path), "images_shown": sorted(known), "not_shown": why}, as_json, [str(path)])


@contextmanager
def opened_images(images: list[str], run: Path) -> Iterator[list[Callable[[], Slide]]]:
    """Give the functions that open the images named."""
    if not images:
        yield []
        return
    from cellapp.exports.run_json import require_analysed

    rule = depth_of(require_analysed(run)[0] / "run.json")
    with input_files(images, run) as files:
        found = list_file_images(files, None, scene="all", time="all", depth=rule)
        yield [image.open for image in found]
