"""`explain`: what the calls of a folder that `analyse` wrote rest on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cellapp.cli.checked import Commands
from cellapp.cli.output import JSON_OPTION, Progress, emit, note
from cellapp.cli.report import opened_images

explain = Commands(help="Say what calls rest on.")


@explain.callback()
def _group() -> None:
    """Say what calls rest on."""


Images = Annotated[
    list[str] | None,
    typer.Option("--image", metavar="INPUT", help="Images analysed (file, folder, glob): measures their cells anew."),
]


@explain.command("findings")
def explain_findings(
    run: Path = typer.Argument(..., metavar="RUN_OUT", help="The --out folder of `analyse`."),
    images: Images = None,
    target: str = typer.Option(None, help="Class to explain; the positive class when left out."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Say in sentences with numbers what calls rest on: places, channels, parts taken away, descriptors.

    At most 200 cells are measured, drawn evenly over the calls, and kept in the folder: the next time no image is
    needed. --json has the tables. Classes given by hand are what accuracy is measured against.
    """
    from cellapp.pipeline.findings_of_run import findings_of_run
    from cellapp.pipeline.report_run import first_run, images_by_digest

    progress = Progress()
    first_run(run)
    with opened_images(images or [], run) as slides:
        known = images_by_digest(run, slides)
        if images and not known:
            note(f"cellapp: none of the {len(slides)} images given was analysed in {run}")
        found = findings_of_run(run, known, target, progress)
    progress.end()
    said = [sentence for group in found.sentences.values() for sentence in group]
    emit(found.as_json(), as_json, [*said, *(f"Note: {text}" for text in found.notes)])


@explain.command("cell")
def explain_cell(
    run: Path = typer.Argument(..., metavar="RUN_OUT", help="The --out folder of `analyse`."),
    image_name: str = typer.Argument(..., metavar="IMAGE", help="Folder of the image in RUN_OUT."),
    cell: int = typer.Argument(..., metavar="CELL", help="cell_id of its cells.csv."),
    images: Annotated[
        list[str] | None,
        typer.Option("--image", metavar="INPUT", help="The image: searches what brightness flips the call."),
    ] = None,
    target: str = typer.Option(None, help="Class whose probability is told; the positive class when left out."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Give the reasons of one call by example: nearest training cells, most similar other cell, what would flip it."""
    from cellapp.pipeline.cell_of_run import examples_of_folder, flip_of_folder
    from cellapp.pipeline.report_run import first_run, images_by_digest

    first_run(run)
    found = examples_of_folder(run, image_name, cell)
    result, lines = found.as_json(), found.sentences
    if images:
        with opened_images(images, run) as slides:
            known = images_by_digest(run, slides)
            if image_name not in known:
                note(f"cellapp: none of the {len(slides)} images given is {image_name}")
            else:
                flip, sentence = flip_of_folder(run, image_name, cell, known[image_name], target)
                result, lines = result | {"flip": flip}, [*lines, sentence]
    emit(result, as_json, lines)
