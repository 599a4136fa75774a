"""Where a label comes from, and labels that follow from a column of the image table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import pandas as pd

from cellapp.labelling.words import words_table


class LabelSource(StrEnum):
    """How a label came about."""

    HAND = "hand"  # somebody looked at the cell
    COLUMN = "column"  # of the image table: every cell of an image has the class
    TABLE = "table"  # an imported table
    CLUSTER = "cluster"  # somebody named a group of cells, see `cellapp.jobs.name_cluster`


_RULE = re.compile(r"column\s+(\w+)\s*=\s*(.+)", re.DOTALL)


@dataclass(frozen=True)
class ColumnRule:
    """Every cell of an image with a value in a column of the image table has a class."""

    column: str  # one of the conditions of an image
    value: str
    class_name: str
    who: str
    created: datetime
    id: int = 0

    @property
    def text(self) -> str:
        """The rule as the source of its label: "column cell_line = MCF10A", read back by `rule_of`."""
        return f"{LabelSource.COLUMN} {self.column} = {self.value}"


def rule_of(source: str) -> tuple[str, str] | None:
    """Return column and value of a source as `ColumnRule.text` writes it, None for any other source."""
    found = _RULE.fullmatch(source.strip())
    return (found[1], found[2].strip()) if found else None


def rule_labels(
    rules: Iterable[ColumnRule], conditions: Mapping[str, Mapping[str, str]], cell_ids: Mapping[str, Sequence[int]]
) -> pd.DataFrame:
    """Expand rules to the cells of images: rules are stored, not their tens of thousands of labels.

    Parameters
    ----------
    rules : iterable of ColumnRule
    conditions : mapping of image id to mapping of column to value
    cell_ids : mapping of image id to sequence of int

    Returns
    -------
    DataFrame
        `cellapp.labelling.words.WORD_COLUMNS`; `who` is "column NAME", so that two columns which say different things
        about a cell stand beside each other as two people would.
    """
    rows = [
        (image_id, cell_id, rule.class_name, f"{LabelSource.COLUMN} {rule.column}", "column", rule.created, 0)
        for rule in rules
        for image_id, of_image in conditions.items()
        if of_image.get(rule.column, "").strip() == rule.value
        for cell_id in cell_ids.get(image_id, ())
    ]
    return words_table(rows)
