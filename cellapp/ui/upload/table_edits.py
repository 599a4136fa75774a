"""What is typed into the table of images: which of it is new, and how it reaches the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cellapp.errors import CellappError
from cellapp.store import images
from cellapp.store.records import CONDITIONS


def fresh_edits(
    saved: Mapping[int, Mapping[str, Any]], edits: Mapping[int, Mapping[str, Any]]
) -> dict[int, dict[str, Any]]:
    """Return the edits that are not saved yet: the browser sends all of a visit, and others may edit meanwhile.

    Parameters
    ----------
    saved, edits : mapping of row position to {column: value}
        As `st.data_editor` keeps them, the time before and now.
    """
    fresh = {
        row: {
            name: value
            for name, value in changes.items()
            if name not in saved.get(row, {}) or saved[row][name] != value
        }
        for row, changes in edits.items()
    }
    return {row: changes for row, changes in fresh.items() if changes}


def apply_edits(ids: Sequence[str], edits: Mapping[int, Mapping[str, Any]]) -> None:
    """Write edited cells to the store.

    Parameters
    ----------
    ids : sequence of str
        Image ids in the order of the rows.
    edits : mapping of row position to {column: value}
        As `st.data_editor` keeps them.

    Raises
    ------
    CellappError
        An edit was refused, the first that was; the edits of all other rows are written.
    """
    refused: list[CellappError] = []
    for row, changes in edits.items():
        try:
            _apply(ids[int(row)], changes)
        except CellappError as error:
            refused.append(error)
    if refused:
        raise refused[0]


def _apply(image_id: str, changes: Mapping[str, Any]) -> None:
    conditions = {name: changes[name] or "" for name in CONDITIONS if name in changes}
    if conditions:
        images.set_conditions(image_id, conditions)
    if changes.get("name"):
        images.rename_image(image_id, changes["name"])
    if "um_per_px" in changes:
        images.set_um_per_px(image_id, changes["um_per_px"])
