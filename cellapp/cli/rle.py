"""`rle`: label images to run-length codes, as Cell Segger and Kaggle write them, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cellapp.cli.checked import Commands
from cellapp.cli.output import JSON_OPTION, emit

rle = Commands(help="Turn label images into run-length codes, as Cell Segger and Kaggle write them, and back.")

Per = Annotated[
    str | None, typer.Option(help="image: its foreground; cell: a row for each. As the style when left out.")
]


@rle.command()
def encode(
    labels: Path = typer.Argument(..., metavar="LABELS", help="Label image, folder, or --out of segment or analyse."),
    out: Path = typer.Option(..., "--out", metavar="FILE.csv", dir_okay=False, help="Table to write."),
    style: str = typer.Option(
        "cell-segger",
        help="cell-segger: along rows from 0; kaggle: down columns from 1; sartorius: along rows from 1.",
    ),
    per: Per = None,
    as_json: bool = JSON_OPTION,
) -> None:
    """Write the masks of label images as ``start length`` pairs."""
    from cellapp.errors import InputError
    from cellapp.exports.rle_tables import rle_table
    from cellapp.exports.tables import write_csv
    from cellapp.segmentation.label_image import read_labels
    from cellapp.segmentation.metrics_files import label_files

    if per not in (None, "image", "cell"):
        raise InputError(f"--per is image or cell; got {per!r}")
    files = label_files(labels)
    table = rle_table(
        ((name, read_labels(path)) for name, path in files.items()), style, per_cell=per and per == "cell"
    )
    write_csv(table, out)
    sentence = f"{_count(len(table), 'row')} of {_count(len(files), 'image')}"
    emit({"out": str(out), "n_images": len(files), "n_rows": len(table)}, as_json, [sentence])


@rle.command()
def decode(
    table: Path = typer.Argument(..., metavar="FILE.csv", help="With name, width, height and run lengths."),
    out: Path = typer.Option(..., "--out", file_okay=False, help="Folder for a label image of each name."),
    pieces: bool = typer.Option(False, "--pieces", help="Number the connected pieces of each image, not its rows."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Write a label image for each image of a table; its rows are numbered from 1."""
    from scipy import ndimage

    from cellapp.exports.label_image import write_labels
    from cellapp.exports.rle_tables import read_rle_table
    from cellapp.files import unique_stems
    from cellapp.types.cells import LabelMask

    images, rows = read_rle_table(table), []
    for stem, (name, image) in zip(unique_stems(images), images.items(), strict=True):
        labels = ndimage.label(image.labels())[0] if pieces else image.labels()
        mask = LabelMask(labels, "rle")
        file = write_labels(mask, out / f"{stem}.tif")
        rows.append({"image": name, "n_cells": len(mask.cell_ids), "labels": str(file)})
    emit(
        {"out": str(out), "images": rows},
        as_json,
        [f"{row['image']}: {_count(row['n_cells'], 'cell')}" for row in rows],
    )


def _count(n: int, thing: str) -> str:
    return f"{n:,} {thing}{'s' * (n != 1)}"
