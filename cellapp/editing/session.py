"""Edits done one after the other on the cells of an image, in memory: all of them are kept, or none."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime

import numpy as np

from cellapp.editing.apply import apply_edit
from cellapp.editing.canvas import Canvas, Change
from cellapp.editing.edit import Edit, EditKind
from cellapp.editing.history import EditRecord, check_free, check_last, to_redo, to_undo
from cellapp.editing.words import sentence_of
from cellapp.errors import InputError
from cellapp.types.image import Region


class EditSession:
    """The cells of an image while somebody edits them.

    Parameters
    ----------
    canvas : Canvas
        Thrown away with the session when an edit is refused.
    boxes : mapping of cell id to Region
        Bounding boxes of all cells.
    records : sequence of EditRecord
        All edits of the image so far.
    read_change : callable
        Returns the pixels of the edit of a number.
    """

    def __init__(
        self,
        canvas: Canvas,
        boxes: Mapping[int, Region],
        records: Sequence[EditRecord],
        read_change: Callable[[int], Change],
    ) -> None:
        self.canvas, self.boxes, self.records = canvas, dict(boxes), list(records)
        self.changes: dict[int, Change] = {}
        self._kept_change = read_change
        self.highest_id = max([*self.boxes, *(record.highest_id for record in records)], default=0)

    def do(self, edit: Edit, *, who: str = "", seen: int | None = None) -> EditRecord:
        """Do an edit, an undo or a redo.

        Parameters
        ----------
        edit : Edit
        who : str
        seen : int, optional
            Number of the last edit that the person has seen; cells that others changed since are not touched.

        Raises
        ------
        InputError
            When it cannot be done, in one sentence for the person.
        """
        before = set(self.boxes)
        edit, change, what = self._apply(edit, who, seen)
        self.boxes = {**self.boxes, **extents(self.canvas, change, self.boxes)}
        self.boxes = {cell: box for cell, box in self.boxes.items() if box.height}
        after = set(self.boxes)
        self.highest_id = max(self.highest_id, *after, 0)
        number = self.records[-1].number + 1 if self.records else 1
        sentence = what or sentence_of(edit, change.cells, new=after - before, gone=before - after)
        record = EditRecord(number, edit, change.cells, self.highest_id, who, datetime.now(UTC), sentence)
        self.records.append(record)
        self.changes[number] = change
        return record

    def _apply(self, edit: Edit, who: str, seen: int | None) -> tuple[Edit, Change, str]:
        """Do an edit on the canvas; return it with the number of what it undoes, its pixels, and what to say of it."""
        if edit.kind is EditKind.UNDO:
            record = to_undo(self.records, who, edit.number)
            check_last(self.records, record)
            return self._replay(edit, record, self._pixels_of(record.number).reverse, "Undone")
        if edit.kind is EditKind.REDO:
            record = to_redo(self.records, who, edit.number)
            return self._replay(edit, record, self._pixels_of(record.number), "Redone")
        change = apply_edit(self.canvas, edit, self.boxes, self.highest_id + 1)
        if seen is not None:
            check_free(self.records, change.cells, after=seen, who=who)
        return edit, change, ""

    def _replay(self, edit: Edit, record: EditRecord, change: Change, word: str) -> tuple[Edit, Change, str]:
        if not self.canvas.holds(change):
            raise InputError(
                f"edit {record.number} cannot be {word.lower()}: its pixels were edited since; undo what came after it"
            )
        self.canvas.apply(change)
        said = record.sentence[:1].lower() + record.sentence[1:]
        return Edit(edit.kind, number=record.number), change, f"{word}: {said}"

    def _pixels_of(self, number: int) -> Change:
        return self.changes[number] if number in self.changes else self._kept_change(number)


def extents(
    canvas: Canvas, change: Change, boxes: Mapping[int, Region], cells: Collection[int] | None = None
) -> dict[int, Region]:
    """Return the bounding boxes that cells have on a canvas after a change; a cell that is gone has one of height 0.

    Parameters
    ----------
    canvas : Canvas
    change : Change
    boxes : mapping of cell id to Region
        Before it.
    cells : collection of int, optional
        Ids; those of the change when left out.
    """
    found = {}
    for cell in change.cells if cells is None else cells:
        gained = change.after == cell
        parts = [boxes[cell]] if cell in boxes else []
        parts += [change.part(gained).box] if gained.any() else []
        found[cell] = _extent(canvas, cell, _union(parts)) if parts else Region(0, 0, 0, 0)
    return found


def _union(parts: Sequence[Region]) -> Region:
    y, x = min(part.y for part in parts), min(part.x for part in parts)
    y1, x1 = max(part.y + part.height for part in parts), max(part.x + part.width for part in parts)
    return Region(y, x, y1 - y, x1 - x)


def _extent(canvas: Canvas, cell: int, within: Region) -> Region:
    inside = canvas.read(within) == cell
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if not len(rows):
        return Region(within.y, within.x, 0, 0)
    height, width = int(rows[-1] - rows[0]) + 1, int(columns[-1] - columns[0]) + 1
    return Region(within.y + int(rows[0]), within.x + int(columns[0]), height, width)
