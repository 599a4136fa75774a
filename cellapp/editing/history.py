"""Which edits of an image count, and what a person can undo and redo, from the rows that were written down."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from cellapp.editing.edit import Edit, EditKind
from cellapp.errors import InputError


@dataclass(frozen=True)
class EditRecord:
    """An edit that was done; undo and redo are edits, too. Records are added, never changed."""

    number: int  # from 1 in each image of a run, in the order in which they were done
    edit: Edit
    cells: frozenset[int]  # whose pixels it changed
    highest_id: int  # that any cell of the image had until then
    who: str  # "" where nobody said
    created: datetime
    sentence: str = ""  # what it changed, for people


def edits_in_force(records: Sequence[EditRecord]) -> tuple[EditRecord, ...]:
    """Return the edits that count, without those that were undone, in the order of their numbers."""
    count: dict[int, EditRecord] = {}
    edits = {record.number: record for record in records}
    for record in records:
        if record.edit.kind is EditKind.UNDO:
            count.pop(record.edit.number or 0, None)
        elif record.edit.kind is EditKind.REDO:
            count[record.edit.number or 0] = edits[record.edit.number or 0]
        else:
            count[record.number] = record
    return tuple(count[number] for number in sorted(count))


def to_undo(records: Sequence[EditRecord], who: str, number: int | None = None) -> EditRecord:
    """Return the edit that an undo takes back: the person's last one that counts, or the one of a number.

    Raises
    ------
    InputError
        When there is none.
    """
    own = [record for record in edits_in_force(records) if record.who == who or number is not None]
    found = [record for record in own if number in (None, record.number)]
    if not found:
        raise InputError(f"there is no edit{_of(who, number)} to undo")
    return found[-1]


def to_redo(records: Sequence[EditRecord], who: str, number: int | None = None) -> EditRecord:
    """Return the edit that a redo does again: the one the person undid last, as long as no new edit came after it.

    Raises
    ------
    InputError
        When there is none.
    """
    edits, undone = {record.number: record for record in records}, []
    for record in (record for record in records if record.who == who or number is not None):
        if record.edit.kind is EditKind.UNDO:
            undone.append(record.edit.number)
        elif record.edit.kind is EditKind.REDO:
            undone.remove(record.edit.number)
        elif number is None:
            undone.clear()
    found = [edits[one] for one in undone if number in (None, one)]
    if not found:
        raise InputError(f"there is no edit{_of(who, number)} to redo")
    return found[-1]


def check_free(records: Sequence[EditRecord], cells: Collection[int], *, after: int, who: str | None = None) -> None:
    """Refuse to touch cells that were changed by an edit that counts and has a higher number.

    Parameters
    ----------
    records : sequence of EditRecord
    cells : collection of int
        Ids.
    after : int
        Number of the last edit that was seen.
    who : str, optional
        Whose own edits do not count.

    Raises
    ------
    InputError
        Names the cell, who changed it and when.
    """
    for record in reversed(records):
        taken = record.cells & set(cells)
        if record.number > after and taken and (who is None or record.who != who):
            name = record.who or "somebody"
            raise InputError(
                f"cell {min(taken)} was changed by {name} at {record.created:%H:%M} UTC (edit {record.number}): look "
                "at it as it is now, then edit it again"
            )


def check_last(records: Sequence[EditRecord], undone: EditRecord) -> None:
    """Refuse to undo an edit while a later one that counts changed the same cells; raises InputError, naming it."""
    for record in reversed(edits_in_force(records)):
        taken = record.cells & undone.cells
        if record.number > undone.number and taken:
            raise InputError(
                f"cell {min(taken)} was changed again by {record.who or 'somebody'} (edit {record.number}): undo that "
                "first"
            )


def _of(who: str, number: int | None) -> str:
    return f" {number}" if number is not None else f" of {who}" if who else ""
