"""`label`: classes that people give to cells, out of and into a project, a run, or the folder of an analysis."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from cellapp.cli.checked import Commands, refuse_idle
from cellapp.cli.options import SEED
from cellapp.cli.output import JSON_OPTION, Progress, emit, note

label = Commands(help="Export and import the classes that people gave to cells, and list which to label next.")
_TARGET = typer.Argument(..., metavar="RUN_OR_PROJECT", help="Id of a run or project, or the --out folder of analyse.")
_FILE = typer.Argument(..., metavar="FILE.csv", help="image, cell_id or x and y, class, who, when, source.")
_NAMED = 8
"""Lines left out of a table that are named on stderr; of more it says how many."""
_IMAGES = typer.Option(None, "--image", help="Of a folder: its image, to redraw overlay and crops; may be repeated.")


@label.command("export")
def export_labels(target: str = _TARGET, file: Path = _FILE, as_json: bool = JSON_OPTION) -> None:
    """Write the last word of each person on each cell, and rules that label whole images."""
    from cellapp.labelling.folder_labels import folder_labels
    from cellapp.labelling.label_table import write_label_table
    from cellapp.store import label_exchange

    found = _target(target)
    lines = folder_labels(found) if isinstance(found, Path) else label_exchange.export_labels(found)
    write_label_table(lines, file)
    n_classes = len({line.class_name for line in lines})
    sentence = f"{len(lines):,} label{'s' * (len(lines) != 1)} of {n_classes:,} class{'es' * (n_classes != 1)}"
    emit({"out": str(file), "n": len(lines), "n_classes": n_classes}, as_json, [sentence])


@label.command("import")
def import_labels(
    target: str = _TARGET, file: Path = _FILE, image: list[Path] = _IMAGES, as_json: bool = JSON_OPTION
) -> None:
    """Add the labels of a table. A line that is no label or finds no cell is named and left out; the others count."""
    from dataclasses import replace

    from cellapp.images.read import open_slide
    from cellapp.labelling.folder_labels import import_to_folder
    from cellapp.labelling.label_table import read_label_table
    from cellapp.store import label_exchange

    found = _target(target)
    refuse_idle(
        "--image", image, "" if isinstance(found, Path) or not image else f"with {target}, whose images are stored"
    )
    lines, refused = read_label_table(file)
    if isinstance(found, Path):
        report = import_to_folder(lines, found, [open_slide(path) for path in image or ()])
    else:
        report, added = label_exchange.import_labels(found, lines)
        _write_files(added)
    _emit_report(replace(report, left_out=(*refused, *report.left_out)), file, as_json)


def _emit_report(report: Any, file: Path, as_json: bool) -> None:
    """Say what became of the lines of a table; where none is a label that is unusable input."""
    from cellapp.errors import InputError

    left_out = [f"left out: {why}" for why in report.left_out[:_NAMED]]
    if len(report.left_out) > _NAMED:  # as of a table of suggestions in which some classes are filled in
        left_out.append(f"left out: {len(report.left_out) - _NAMED:,} more lines; --json names all")
    for sentence in (*left_out, *report.notes):
        note(f"cellapp: {sentence}")
    if not report.n_added + report.n_known:
        first = report.left_out[0] if report.left_out else "it has no lines"
        raise InputError(f"no label in {str(file)!r} could be used: {first}")
    result = {"n_added": report.n_added, "n_known": report.n_known, "left_out": list(report.left_out)}
    parts = [f"{report.n_added:,} added", f"{report.n_known:,} there before", f"{len(report.left_out):,} left out"]
    emit(result | {"notes": list(report.notes)}, as_json, [", ".join(parts)])


@label.command()
def suggest(
    target: str = typer.Argument(..., metavar="RUN", help="Id of a run, or the --out folder of analyse."),
    file: Path = typer.Argument(
        ..., metavar="FILE.csv", help="Table to write; fill in class and import it.", dir_okay=False
    ),
    order: str = typer.Option("most-different", help="least-sure, most-different, oddest, band, like, image, random."),
    number: int = typer.Option(100, min=1, help="At most so many cells."),
    of_class: str = typer.Option(None, "--class", help="Class that the band is of; the first by name when left out."),
    band: str = typer.Option("0.4-0.6", help="Band of probability."),
    like: str = typer.Option(None, help="Cell that others should be like, IMAGE:CELL_ID."),
    seed: int = typer.Option(0, **SEED, help="Decides the random order."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Write which cells to label next, with an empty column class."""
    from cellapp.jobs.suggest_cells import suggest_cells
    from cellapp.labelling.label_table import write_label_table

    found = _target(target)
    progress = Progress()
    lines = suggest_cells(
        found, order, number=number, of_class=of_class, band=band, like=like, seed=seed, on_step=progress
    )
    progress.end()
    write_label_table(lines, file)
    emit({"out": str(file), "n": len(lines)}, as_json, [f"{len(lines):,} cells to label, {order}"])


def _target(target: str) -> Any:
    """Return the folder that is named, or the run or project of an id."""
    from cellapp.errors import InputError
    from cellapp.store.label_exchange import exchange_of

    if Path(target).is_dir():
        return Path(target)
    found = exchange_of(target)
    if found is None:
        raise InputError(f"{target!r} is no run, no project and no folder; give an id of the store or the --out folder")
    return found


def _write_files(added: Any) -> None:
    """Bring the files of every run that got labels up to them."""
    from cellapp.jobs.write_labels import write_labels

    images: dict[str, set[str]] = {}
    for record in added:
        if record.run_id is not None:
            images.setdefault(record.run_id, set()).add(record.image_id)
    progress = Progress()
    for run_id, image_ids in images.items():
        write_labels({"run_id": run_id, "images": sorted(image_ids)}, progress)
    progress.end()
