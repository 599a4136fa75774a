"""Labels as a table that people open in a spreadsheet, and back: image, cell_id, y, x, class, who, when, source."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from cellapp.errors import InputError
from cellapp.exports.tables import unescape_formula, write_csv
from cellapp.files import clean_text
from cellapp.labelling.analysed_cells import AnalysedCells
from cellapp.labelling.class_names import check_classes, clean_class
from cellapp.labelling.matching import cells_at
from cellapp.labelling.sources import LabelSource, rule_of
from cellapp.text_table import read_table

COLUMNS = ("image", "cell_id", "y", "x", "class", "who", "when", "source")
_OF_CELLS = (LabelSource.HAND, LabelSource.TABLE, LabelSource.CLUSTER)


@dataclass(frozen=True)
class TableLabel:
    """One line of such a table."""

    image: str  # name of an image, or its folder's; "" of a rule, and where there is one image only
    class_name: str
    cell_id: int | None = None
    y: float | None = None  # of a point on the cell, px
    x: float | None = None
    who: str = ""
    when: datetime | None = None  # with zone
    source: str = LabelSource.TABLE  # a `LabelSource`, or a rule as `ColumnRule.text`
    line: int = 0  # of the file, counted from 1

    @property
    def where(self) -> str:
        """The line as a message names it."""
        return f"line {self.line}: " if self.line else ""


@dataclass(frozen=True)
class ImportReport:
    """What became of the lines of a table."""

    n_added: int
    n_known: int  # the same label by the same person was there before
    left_out: tuple[str, ...]  # one sentence for each other line
    notes: tuple[str, ...] = ()  # what else should be known


def write_label_table(labels: Sequence[TableLabel], path: Path) -> Path:
    """Write labels as CSV in UTF-8, safe to open in a spreadsheet; see `cellapp.exports.tables.write_csv`."""
    rows = [
        (
            label.image,
            "" if label.cell_id is None else str(label.cell_id),
            *("" if value is None else _digits(value) for value in (label.y, label.x)),
            label.class_name,
            label.who,
            label.when.astimezone(UTC).isoformat() if label.when else "",
            str(label.source),
        )
        for label in labels
    ]
    return write_csv(pd.DataFrame(rows, columns=list(COLUMNS), dtype=object), path)


def read_label_table(path: Path) -> tuple[list[TableLabel], list[str]]:
    """Read labels from a table as any spreadsheet saves it.

    Parameters
    ----------
    path : Path
        See `cellapp.text_table.read_table`; the column ``class`` is needed, the others of `COLUMNS` are read where
        they are there.

    Returns
    -------
    labels : list of TableLabel
        A line without a source is `LabelSource.TABLE`; a time without a zone is UTC, one that cannot be read is none.
    left_out : list of str
        One sentence for each line that is no label: without a class, without a place, or with a number that is none.

    Raises
    ------
    InputError
        When the file cannot be read or has no such column, or two classes differ in spelling alone.
    """
    table = read_table(path, ["class"], [name for name in COLUMNS if name != "class"])
    labels, left_out = [], []
    for line, row in zip(table.index, table.to_dict("records"), strict=True):
        values = {name: str(unescape_formula(row.get(name, ""))) for name in COLUMNS}
        try:
            labels.append(_label(values, int(line)))
        except InputError as error:
            left_out.append(f"line {line}: {error}")
    check_classes(label.class_name for label in labels)
    return labels, left_out


def place(label: TableLabel, cells: AnalysedCells) -> int | None:
    """Return the cell a line is about, None where there is none.

    A position decides where it lies on a cell, unless the cell that the line names has it in its box: the centre of a
    bent cell lies beside it.

    Parameters
    ----------
    label : TableLabel
    cells : AnalysedCells
        Of its image.
    """
    is_there = label.cell_id is not None and label.cell_id in cells.table.index
    if label.y is None or label.x is None:
        return label.cell_id if is_there else None
    if is_there and cells.box_holds(label.cell_id, label.y, label.x):
        return label.cell_id
    return int(cells_at([(label.y, label.x)], cells.read, cells.shape)[0]) or None


def not_found(label: TableLabel, image: str) -> str:
    """Return the sentence for a line whose cell is not there."""
    if label.y is not None and label.x is not None:
        return f"{label.where}no cell of {image!r} at y = {label.y:g}, x = {label.x:g}"
    return f"{label.where}{image!r} has no cell {label.cell_id}; it may be of another segmentation"


def contradictions(lines: Iterable[tuple[Hashable, TableLabel]]) -> list[str]:
    """Say how many cells one person calls by two classes in a table without times, which leaves open what is meant.

    Parameters
    ----------
    lines : iterable of (cell, TableLabel)
        In the order of the table, each with something that identifies its cell.

    Returns
    -------
    list of str
        One sentence, or none.
    """
    classes: dict[Hashable, set[str]] = {}
    for cell, line in lines:
        if line.when is None:
            classes.setdefault((cell, line.who), set()).add(line.class_name)
    n = sum(len(names) > 1 for names in classes.values())
    of_cells = f"{n:,} cell{'s' * (n != 1)}"
    return [f"lines without a time give {of_cells} two classes each; the lowest line counts: check them"] if n else []


def _digits(value: float) -> str:
    """Return a number with all its digits, a whole one as such."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _label(values: dict[str, str], line: int) -> TableLabel:
    source, is_rule = values["source"].strip(), bool(rule_of(values["source"])) and not values["image"].strip()
    if not values["class"].strip():
        raise InputError("class is empty; fill it in or take the line out")
    label = TableLabel(
        image=clean_text(values["image"]) if values["image"].strip() else "",
        class_name=clean_class(values["class"]),
        cell_id=_cell_id(values["cell_id"]),
        y=_number(values["y"], "y"),
        x=_number(values["x"], "x"),
        who=clean_text(values["who"]) if values["who"].strip() else "",
        when=_time(values["when"]),
        source=source if is_rule or source in _OF_CELLS else LabelSource.TABLE,
        line=line,
    )
    if label.cell_id is None and (label.y is None or label.x is None) and not is_rule:
        raise InputError("no cell is named; give cell_id, or y and x")
    return label


def _cell_id(text: str) -> int | None:
    number = _number(text, "cell_id")
    if number is None:
        return None
    if number != int(number) or number < 1:
        raise InputError(f"cell_id is a whole number from 1 up; got {text!r}")
    return int(number)


def _number(text: str, name: str) -> float | None:
    if not text.strip():
        return None
    try:
        number = float(text.strip().replace(",", "."))  # spreadsheets of many countries write a decimal comma
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{name} is a number; got {text!r}")
    return number


def _time(text: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)
