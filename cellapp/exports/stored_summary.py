"""What the folder of an analysed image says of its cells, whichever version wrote it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cellapp.cells.answer import Answer, pool
from cellapp.exports.run_json import image_of, read_run
from cellapp.exports.tables import count_row, file_columns, read_cells
from cellapp.models.demonstration import demonstration_of_run


def stored_summary(folder: Path) -> dict[str, Any]:
    """Return an image's row of summary.csv.

    Earlier versions did not say whether the classes are an answer: their images are counted again, from what is stored.

    Parameters
    ----------
    folder : Path
        ``out/<stem>``.

    Raises
    ------
    InputError
        If it is no such folder.
    """
    run = read_run(folder / "run.json")
    row = run["summary"]
    if "answer" in row:
        return row
    counted = count_row(read_cells(folder / "cells.parquet"), demonstration_of_run(run))
    names = {"image": row["image"], **file_columns(image_of(run)[0])}
    return {**names, **counted, "confluency": row["confluency"], "seconds": row["seconds"]}


def stored_answer(folder: Path, rows: Sequence[dict[str, Any]]) -> Answer:
    """Return whether the classes of several images of one run are an answer.

    Parameters
    ----------
    folder : Path
        ``out/<stem>`` of one of them: all have the same head.
    rows : sequence of dict
        From `stored_summary`.
    """
    return pool(rows, demonstration_of_run(read_run(folder / "run.json")))
