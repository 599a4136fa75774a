"""What an edit changed, in one sentence for people."""

from __future__ import annotations

from collections.abc import Collection

from cellapp.editing.edit import Edit, EditKind

_SHOWN = 4  # ids in a sentence; of more the number is told


def sentence_of(edit: Edit, cells: Collection[int], *, new: Collection[int], gone: Collection[int]) -> str:
    """Say what an edit changed.

    Parameters
    ----------
    edit : Edit
        Of any kind but undo and redo.
    cells : collection of int
        Ids of the cells whose pixels it changed.
    new, gone : collection of int
        Those that were not there before, and those that are not any more.
    """
    there = sorted(set(cells) - set(gone))
    match edit.kind:
        case EditKind.DRAW:
            said = f"{name_cells(there)} drawn"
        case EditKind.BRUSH:
            said = f"{name_cells(there)} {'drawn' if new else 'extended'} with the brush"
        case EditKind.SPLIT:
            old = next(iter(set(there) - set(new)))
            said = f"{name_cells([old])} split into {list_ids(there)}"
        case EditKind.MERGE:
            said = f"{name_cells(sorted(edit.cells))} merged into {edit.cells[0]:,}"
        case EditKind.DELETE:
            said = f"{name_cells(sorted(gone))} deleted"
        case EditKind.ERASE:
            rest = f"; {name_cells(sorted(gone)).lower()} gone" if gone and there else ""
            said = f"{name_cells(there)} erased in part{rest}" if there else f"{name_cells(sorted(gone))} erased"
        case _:
            said = f"{name_cells(there)} {'grown' if edit.kind is EditKind.GROW else 'shrunk'} by a pixel"
    return said


def name_cells(ids: Collection[int]) -> str:
    """Return "Cell 4", "Cells 4 and 1,007" or, of many, "12 cells"."""
    if len(ids) > _SHOWN:
        return f"{len(ids):,} cells"
    return f"Cell{'s' * (len(ids) != 1)} {list_ids(ids)}"


def list_ids(ids: Collection[int]) -> str:
    """Return "4", "4 and 1,007" or "4, 5 and 6"; of many their number."""
    named = [f"{one:,}" for one in ids]
    if len(named) > _SHOWN:
        return f"{len(named):,} cells"
    return " and ".join(part for part in (", ".join(named[:-1]), *named[-1:]) if part)
