"""cells.csv for people, cells.parquet for programs, and summary.csv with one row per image."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import pandas as pd

from cellapp.cells.answer import Answer, judge
from cellapp.cells.counts import classes_of, count, wilson
from cellapp.errors import InputError
from cellapp.exports.csv_rows import write_rows
from cellapp.exports.outline_columns import outline_columns
from cellapp.files import atomic_write
from cellapp.models.demonstration import demonstration_of_run
from cellapp.regions.words import REGION_COLUMNS, REGIONS, region_columns
from cellapp.settings import AnalyseSettings
from cellapp.types.cells import Analysis
from cellapp.types.image import ImageInfo

SUMMARY_COLUMNS = (
    *("image", "file", "scene", "time", "n_cells", "n_rejected", "n_", "n_unsure", "fraction_"),
    *("n_classified", "n_unlike_training", "share_unlike_training", "answer", "answer_reason"),
    *("confluency", *REGION_COLUMNS, "seconds", "note"),
    *("expected_ap", "expected_ap_low", "expected_ap_high", "outlines"),
)
"""Order of summary.csv; ``n_`` and ``fraction_`` stand for one column or three per class."""

_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")


def write_csv(table: pd.DataFrame, path: Path) -> Path:
    """Write a table that is safe to open in a spreadsheet.

    Texts that a spreadsheet would run as a formula get a leading apostrophe (OWASP, CSV injection); numbers stay as
    they are, negative ones too. A named index becomes the first column, an unnamed one is left out.
    """
    with atomic_write(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        _to_csv(table, file)
    return path


def csv_text(table: pd.DataFrame) -> str:
    """Return what `write_csv` writes."""
    text = io.StringIO()
    _to_csv(table, text)
    return text.getvalue()


def _to_csv(table: pd.DataFrame, to: IO[str]) -> None:
    safe = table.rename(columns=escape_formula)
    for position, kind in enumerate(safe.dtypes):
        if not (pd.api.types.is_numeric_dtype(kind) or pd.api.types.is_bool_dtype(kind)):
            safe.isetitem(position, safe.iloc[:, position].map(escape_formula))
    write_rows(safe, to)


def escape_formula(value: object) -> object:
    """Put an apostrophe before a text that starts with ``= + - @``, tab or a line break.

    A text that starts with apostrophes and then such a sign gets one more, so that taking one away always gives the
    original.
    """
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def unescape_formula(value: object) -> object:
    """Take the apostrophe away that `escape_formula` put before a text; any other value comes back as it is."""
    return value[1:] if isinstance(value, str) and value.startswith("'") and _FORMULA.match(value) else value


def write_cells(cells: pd.DataFrame, path: Path) -> Path:
    """Write a cell table to Parquet, without loss: index, types, missing values."""
    with atomic_write(path) as part:
        cells.to_parquet(part, compression="zstd")
    return path


def read_cells(path: Path) -> pd.DataFrame:
    """Read a cell table written by `write_cells`.

    Raises
    ------
    InputError
        If it is no Parquet file or has no cell ids.
    """
    try:
        cells = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path.name!r} is not there or no whole Parquet file; analyse the image again") from error
    if cells.index.name != "cell_id":
        raise InputError(f"{path.name!r} is no cell table: it has no index cell_id; give one written by this program")
    return cells


def summary_row(analysis: Analysis, seconds: float, settings: AnalyseSettings | None = None) -> dict[str, Any]:
    """Count one image: its row of summary.csv.

    Parameters
    ----------
    analysis : Analysis
    seconds : float
        How long the image took.
    settings : AnalyseSettings, optional
        Of the run; those in the provenance when left out.

    Returns
    -------
    dict
        Plain JSON values: name, what `count_row` gives, covered share of the image or of its regions,
        `region_columns`, seconds, `outline_columns`.
    """
    of_run = {"settings": settings.model_dump(mode="json")} if settings else {}
    counted = count_row(analysis.cells, demonstration_of_run({**analysis.provenance, **of_run}))
    limits = region_columns(analysis.provenance.get(REGIONS), counted["n_cells"])
    ends = {"confluency": float(analysis.confluency), **limits, "seconds": round(float(seconds), 3)}
    tried = {"note": analysis.mask.note} if analysis.mask.note else {}
    judged = outline_columns(analysis.mask.outlines)
    return {"image": analysis.name, **file_columns(analysis.info), **counted, **ends, **tried, **judged}


def count_row(cells: pd.DataFrame, demonstration: str = "") -> dict[str, Any]:
    """Count the cells of one image, and say whether the counts of classes are an answer.

    Fractions are of the cells that were called: accepted and sure. Their 95 % intervals are Wilson's, for the sampling
    of cells only: cells of one image are alike, so images differ by more than that. Where `answer` is "unfit" they are
    none, and `answer_reason` says why. Cells unlike the training cells are in no fraction where they are the majority.

    Parameters
    ----------
    cells : DataFrame
        A cell table.
    demonstration : str
        See `cellapp.models.demonstration`.

    Returns
    -------
    dict
        Plain JSON values; a fraction of no cells is None, and so is its interval where the answer is unfit. Columns of
        class c are ``n_c``, ``fraction_c``, ``fraction_c_low`` and ``fraction_c_high``; the last two have one more
        underscore before their end where that is the fraction of another class ("grade" beside "grade_low"). Of the
        `n_classified` accepted cells with the head's class, `n_unlike_training` are unlike its training cells; `answer`
        is one of `cellapp.cells.answer.Fitness`.
    """
    counts, answer = count(cells, classes_of(cells)), judge(cells, demonstration)
    row: dict[str, Any] = {"n_cells": counts.n_cells, "n_rejected": counts.n_rejected}
    row |= {f"n_{name}": n for name, n in counts.n_of.items()}
    row["n_unsure"] = counts.n_unsure
    unknown = answer.unfit and not counts.n_called
    for name, (value, low, high) in _fraction_columns(list(counts.n_of)).items():
        fraction = counts.fraction(name)
        row[value] = None if math.isnan(fraction.value) else fraction.value
        row |= {low: None, high: None} if unknown else {low: fraction.low, high: fraction.high}
    return row | _answer_columns(answer)


def _answer_columns(answer: Answer) -> dict[str, Any]:
    return {
        "n_classified": answer.n_classified,
        "n_unlike_training": answer.n_unlike,
        "share_unlike_training": answer.share_unlike,
        "answer": answer.fitness.value,
        "answer_reason": answer.reason,
    }


def file_columns(info: ImageInfo) -> dict[str, str]:
    """Return the columns that say what an image was read from: ``file``, and ``scene`` and ``time`` in it, if any."""
    return {"file": info.file or info.name, "scene": info.scene, "time": info.time}


def row_classes(row: Mapping[str, Any]) -> list[str]:
    """Return the classes that a row of `summary_row` counts, in order."""
    return [name.removeprefix("n_") for name in row if name.startswith("n_") and name not in SUMMARY_COLUMNS]


def _fraction_columns(classes: Sequence[str]) -> dict[str, tuple[str, str, str]]:
    """Return for each class the columns of its fraction and of the ends of its interval, none of them twice."""
    taken, columns = {f"fraction_{name}" for name in classes}, {}
    for name in classes:
        stem = f"fraction_{name}_"
        while taken & {f"{stem}low", f"{stem}high"}:
            stem += "_"
        columns[name] = (f"fraction_{name}", f"{stem}low", f"{stem}high")
        taken.update(columns[name])
    return columns


def write_summary(rows: Sequence[Mapping[str, Any]], out: Path) -> Path:
    """Write ``summary.csv`` into a run's folder; images of other heads leave foreign columns empty.

    A class that was given by hand in some images only has 0 cells in the others.

    Parameters
    ----------
    rows : sequence of mappings
        From `summary_row`; none gives a file with a header alone.
    out : Path
        The run's folder.
    """
    rows = [_with_classes_of(row, rows) for row in rows]
    names = dict.fromkeys([*SUMMARY_COLUMNS[:6], *(name for row in rows for name in row)])
    return write_csv(pd.DataFrame(list(rows), columns=sorted(names, key=_rank)), out / "summary.csv")


def _with_classes_of(row: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a row with all classes of the rows that have classes in common with it, or of all where it has none."""
    own = row_classes(row)
    alike = [name for other in rows for name in row_classes(other) if not own or set(own) & set(row_classes(other))]
    filled, n_called = dict(row), sum(row[f"n_{name}"] for name in own)
    for name in dict.fromkeys(name for name in alike if name not in own):
        filled[f"n_{name}"] = 0
        if n_called:
            columns = _fraction_columns([*own, name])[name]
            filled |= dict(zip(columns, (0.0, *wilson(0, n_called)), strict=True))
    return filled


def _rank(name: str) -> int:
    return SUMMARY_COLUMNS.index(name if name in SUMMARY_COLUMNS else f"{name.split('_')[0]}_")
