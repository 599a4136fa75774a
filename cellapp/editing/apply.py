"""What each kind of edit does to the labels: cells that are not meant keep every pixel and their id."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from scipy import ndimage

from cellapp.editing.canvas import Canvas, Change, join_changes
from cellapp.editing.edit import Edit, EditKind
from cellapp.editing.geometry import along_line, bounds, inside_outline, under_stroke
from cellapp.errors import InputError
from cellapp.types.image import Region

MIN_DRAWN_PX = 4
"""A new cell of fewer pixels is a slip of the hand."""

MAX_SIDE_PX = 8192
"""Rectangles larger than this are not taken into memory for one edit."""

Boxes = Mapping[int, Region]
"""The bounding box of each cell."""


def apply_edit(canvas: Canvas, edit: Edit, boxes: Boxes, next_id: int) -> Change:
    """Do an edit on a canvas.

    Parameters
    ----------
    canvas : Canvas
    edit : Edit
        Of any kind but undo and redo.
    boxes : mapping of cell id to Region
        Of the cells on the canvas.
    next_id : int
        Of the first new cell; above the highest that was ever used.

    Returns
    -------
    Change
        At least one pixel.

    Raises
    ------
    InputError
        When a cell is not there, the edit would change nothing, or it is too large.
    """
    for cell in edit.cells:
        if cell not in boxes:
            raise InputError(f"there is no cell {cell} any more; pick another one")
    change = _KINDS[edit.kind](canvas, edit, boxes, next_id)
    if not len(change):
        raise InputError(_NOTHING.get(edit.kind, "the edit changes no pixel; look at the cells again"))
    return change


def _draw(canvas: Canvas, edit: Edit, _boxes: Boxes, next_id: int) -> Change:
    region = _checked(bounds(edit.points, canvas.shape))
    return _add(canvas, region, inside_outline(edit.points, region), next_id, MIN_DRAWN_PX)


def _brush(canvas: Canvas, edit: Edit, _boxes: Boxes, next_id: int) -> Change:
    """Add to the cell that is named, else to the one under the start of the stroke, else make a new cell."""
    region = _checked(bounds(edit.points, canvas.shape, edit.radius_px + 1))
    meant = edit.cells[0] if edit.cells else _cell_under(canvas, edit)
    stroke = under_stroke(edit.points, edit.radius_px, region)
    return _add(canvas, region, stroke, meant or next_id, 1 if meant else MIN_DRAWN_PX)


def _erase(canvas: Canvas, edit: Edit, _boxes: Boxes, _next_id: int) -> Change:
    region = _checked(bounds(edit.points, canvas.shape, edit.radius_px + 1))
    labels = canvas.read(region)
    gone = under_stroke(edit.points, edit.radius_px, region)
    if edit.cells:
        gone &= np.isin(labels, edit.cells)
    return canvas.draw(region, np.where(gone, 0, labels))


def _delete(canvas: Canvas, edit: Edit, boxes: Boxes, _next_id: int) -> Change:
    return _change_each(canvas, edit, boxes, 0, lambda labels, cell: np.where(labels == cell, 0, labels))


def _merge(canvas: Canvas, edit: Edit, boxes: Boxes, _next_id: int) -> Change:
    return _change_each(canvas, edit, boxes, 0, lambda labels, cell: np.where(labels == cell, edit.cells[0], labels))


def _grow(canvas: Canvas, edit: Edit, boxes: Boxes, _next_id: int) -> Change:
    def grown(labels: np.ndarray, cell: int) -> np.ndarray:
        return np.where(ndimage.binary_dilation(labels == cell) & (labels == 0), cell, labels)

    return _change_each(canvas, edit, boxes, 1, grown)


def _shrink(canvas: Canvas, edit: Edit, boxes: Boxes, _next_id: int) -> Change:
    def shrunk(labels: np.ndarray, cell: int) -> np.ndarray:
        inside = labels == cell
        kept = ndimage.binary_erosion(inside, border_value=1)  # at the edge of the image a cell goes on
        if not kept.any():
            raise InputError(f"cell {cell} is too thin to lose a pixel on each side; delete it")
        return np.where(inside & ~kept, 0, labels)

    return _change_each(canvas, edit, boxes, 1, shrunk)


def _split(canvas: Canvas, edit: Edit, boxes: Boxes, next_id: int) -> Change:
    """Cut one cell: that which is named, else that which holds most of the line. The largest piece keeps the id."""
    span = _checked(bounds(edit.points, canvas.shape))
    on_line = canvas.read(span)[along_line(edit.points, span)]
    ids, n_px = np.unique(on_line[on_line != 0], return_counts=True)
    cell = edit.cells[0] if edit.cells else int(ids[n_px.argmax()]) if len(ids) else 0
    if not cell:
        raise InputError("the line crosses no cell; draw it from one side of a cell to the other")
    region = boxes[cell]
    labels = _checked_read(canvas, region)
    pieces, n_pieces = _cut(labels == cell, along_line(edit.points, region))
    if n_pieces < 2:
        raise InputError(f"the line does not part cell {cell}; draw it from one side of the cell to the other")
    names = np.array([0, cell, *range(next_id, next_id + n_pieces - 1)])
    return canvas.draw(region, np.where(pieces > 0, names[pieces], labels))


def _cut(inside: np.ndarray, line: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the pieces of a cell, the largest as 1, and how many; parts that the line does not cut belong to it."""
    parts, _ = ndimage.label(inside)
    rest, n_rest = ndimage.label(inside & ~line)
    firsts = ndimage.maximum(parts, rest, np.arange(1, n_rest + 1)).astype(int)  # part that each piece is of
    cut = np.flatnonzero(np.bincount(firsts)[firsts] > 1) + 1 if n_rest else np.zeros(0, int)
    if not len(cut):
        return inside.astype(np.int32), 1
    nearest = ndimage.distance_transform_edt(rest == 0, return_distances=False, return_indices=True)
    full = np.where(inside, rest[tuple(nearest)], 0)
    by_size = cut[np.argsort(-np.bincount(full.ravel(), minlength=n_rest + 1)[cut], kind="stable")]
    names = np.ones(n_rest + 1, np.int32)
    names[0], names[by_size] = 0, np.arange(1, len(by_size) + 1)
    return names[full], len(by_size)


def _change_each(
    canvas: Canvas, edit: Edit, boxes: Boxes, margin_px: int, change: Callable[[np.ndarray, int], np.ndarray]
) -> Change:
    """Change the cells of an edit one after the other, each in its own box."""
    changes = []
    for cell in edit.cells:
        box = boxes[cell]
        corners = [(box.y, box.x), (box.y + box.height - 1, box.x + box.width - 1)]
        region = bounds(corners, canvas.shape, margin_px)
        changes.append(canvas.draw(region, change(_checked_read(canvas, region), cell)))
    return join_changes(changes)


def _add(canvas: Canvas, region: Region, where: np.ndarray, cell: int, least_px: int) -> Change:
    """Give background pixels to a cell."""
    labels = canvas.read(region)
    free = where & (labels == 0)
    if np.count_nonzero(free) < least_px:
        raise InputError(
            f"a new cell has at least {MIN_DRAWN_PX} pixels of background; draw a larger one, or erase what is there"
            if least_px > 1
            else f"there is no background for cell {cell} under the brush; erase the neighbour first"
        )
    return canvas.draw(region, np.where(free, cell, labels))


def _cell_under(canvas: Canvas, edit: Edit) -> int:
    y, x = (int(value) for value in np.floor(edit.points[0]))
    if not (0 <= y < canvas.shape[0] and 0 <= x < canvas.shape[1]):
        return 0
    return int(canvas.read(Region(y, x, 1, 1))[0, 0])


def _checked(region: Region) -> Region:
    if max(region.height, region.width) > MAX_SIDE_PX:
        raise InputError(
            f"an edit reaches over at most {MAX_SIDE_PX:,} px a side; this one over {region.height:,} x "
            f"{region.width:,}: do it in parts"
        )
    if not region.height or not region.width:
        raise InputError("the edit lies outside the image; draw inside of it")
    return region


def _checked_read(canvas: Canvas, region: Region) -> np.ndarray:
    return canvas.read(_checked(region))


_KINDS: Mapping[EditKind, Callable[[Canvas, Edit, Boxes, int], Change]] = {
    EditKind.DRAW: _draw,
    EditKind.BRUSH: _brush,
    EditKind.ERASE: _erase,
    EditKind.DELETE: _delete,
    EditKind.MERGE: _merge,
    EditKind.SPLIT: _split,
    EditKind.GROW: _grow,
    EditKind.SHRINK: _shrink,
}

_NOTHING = {
    EditKind.ERASE: "there is no cell under the stroke; erase over a cell",
    EditKind.GROW: "the cells have no background around them to grow into; erase a neighbour first",
}
