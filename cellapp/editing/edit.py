"""One correction of a label image as a person asks for it, and as JSON says it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cellapp.errors import InputError

MAX_POINTS = 20_000
"""Corners of a line or outline: a hand draws a few hundred."""

MAX_RADIUS_PX = 512.0

Point = tuple[float, float]
"""(y, x) in pixels of the full image; pixel (i, j) covers i to i + 1 and j to j + 1."""


class EditKind(StrEnum):
    """What is done to a label image."""

    DRAW = "draw"  # a new cell inside an outline
    BRUSH = "brush"  # background along a stroke becomes part of a cell, or a new cell
    ERASE = "erase"  # pixels of cells along a stroke become background
    DELETE = "delete"
    MERGE = "merge"  # several cells become the first of them
    SPLIT = "split"  # a cell is cut along a line
    GROW = "grow"  # by one pixel on all sides, into background only
    SHRINK = "shrink"  # by one pixel on all sides
    UNDO = "undo"
    REDO = "redo"


_LINE_PX = {EditKind.DRAW: 3, EditKind.BRUSH: 1, EditKind.ERASE: 1, EditKind.SPLIT: 2}  # points that are needed
_N_CELLS = {EditKind.DELETE: 1, EditKind.MERGE: 2, EditKind.GROW: 1, EditKind.SHRINK: 1}  # cells that are needed
_WITH_RADIUS = (EditKind.BRUSH, EditKind.ERASE)
_FIELDS = ("kind", "cells", "points", "radius_px", "number")


@dataclass(frozen=True)
class Edit:
    """A correction.

    Raises
    ------
    InputError
        When cells or points are missing, or a number is out of range.
    """

    kind: EditKind
    cells: tuple[int, ...] = ()  # ids: which to delete, merge, grow or shrink; of the others which alone may change
    points: tuple[Point, ...] = ()  # of an outline, a stroke or a line
    radius_px: float = 0.0  # of a brush
    number: int | None = None  # to undo or redo: which edit; None for the person's last one

    def __post_init__(self) -> None:
        n_points, n_cells = _LINE_PX.get(self.kind, 0), _N_CELLS.get(self.kind, 0)
        if not n_points <= len(self.points) <= MAX_POINTS:
            raise InputError(
                f"to {self.kind} takes {n_points} to {MAX_POINTS:,} points [y, x] in pixels; got {len(self.points):,}"
            )
        if len(set(self.cells)) < n_cells or len(set(self.cells)) < len(self.cells) or min(self.cells, default=1) < 1:
            raise InputError(f"to {self.kind} takes {n_cells} or more ids of cells, each once; got {list(self.cells)}")
        if not all(math.isfinite(value) for point in self.points for value in point):
            raise InputError(f"to {self.kind} takes finite positions in pixels; got one that is not")
        if self.kind in _WITH_RADIUS and not 0.5 <= self.radius_px <= MAX_RADIUS_PX:
            raise InputError(
                f"a brush has a radius of 0.5 to {MAX_RADIUS_PX:g} px; got {self.radius_px:g}: give radius_px"
            )


def edit_from_json(value: Any) -> Edit:
    """Read an edit, ``{"kind", "cells": [id], "points": [[y, x]], "radius_px", "number"}``, most of them optional.

    Raises
    ------
    InputError
        When it is something else.
    """
    known = ", ".join(EditKind)
    if not isinstance(value, Mapping) or value.get("kind") not in list(EditKind):
        raise InputError(f"an edit is an object with a kind, one of {known}; got {str(value)[:80]}")
    unknown = sorted(set(value) - set(_FIELDS))
    if unknown:
        raise InputError(f"an edit has {', '.join(_FIELDS)}; got {unknown[0]!r}")
    try:
        cells = tuple(_whole(cell) for cell in value.get("cells") or ())
        points = tuple((float(y), float(x)) for y, x in value.get("points") or ())
        number = value.get("number")
        radius_px = float(value.get("radius_px") or 0.0)
        return Edit(EditKind(value["kind"]), cells, points, radius_px, None if number is None else _whole(number))
    except (TypeError, ValueError) as error:
        raise InputError(
            f"an edit has cells [id], points [[y, x]] and radius_px, all numbers; got {str(value)[:80]}"
        ) from error


def edits_from_json(value: Any) -> tuple[Edit, ...]:
    """Read a list of edits, or an object with one under ``edits``; raises InputError, naming the first that is none."""
    content = value.get("edits") if isinstance(value, Mapping) else value
    if not isinstance(content, Sequence) or isinstance(content, str) or not content:
        raise InputError("edits are a list of objects, each with a kind; got none")
    return tuple(edit_from_json(one) for one in content)


def edit_to_json(edit: Edit) -> dict[str, Any]:
    """Return what `edit_from_json` reads; fields that say nothing are left out."""
    tree = {
        "kind": edit.kind.value,
        "cells": list(edit.cells),
        "points": [[round(y, 2), round(x, 2)] for y, x in edit.points],
        "radius_px": edit.radius_px,
        "number": edit.number,
    }
    return {name: field for name, field in tree.items() if field not in ([], 0.0, None)}


def _whole(value: Any) -> int:
    if isinstance(value, bool) or int(value) != value:
        raise ValueError(value)
    return int(value)
