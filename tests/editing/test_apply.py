"""Edits of a label image change the cells that are meant and nothing else, and can be taken back exactly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from cellapp.cells.packed_crops import find_boxes
from cellapp.editing.apply import apply_edit
from cellapp.editing.canvas import Canvas, join_changes
from cellapp.editing.edit import Edit, EditKind
from cellapp.errors import InputError
from cellapp.types.image import Region

SHAPE = (60, 70)


def boxes_of(labels):
    ids, boxes = find_boxes(labels)
    return {int(i): Region(y0, x0, y1 - y0, x1 - x0) for i, (y0, x0, y1, x1) in zip(ids, boxes.tolist(), strict=True)}


def canvas_of(labels):
    return Canvas(lambda region: labels[region.slices], labels.shape)


def whole(canvas):
    return canvas.read(Region(0, 0, *canvas.shape))


def done(labels, edit, next_id=None):
    """The labels after an edit, and its change."""
    canvas = canvas_of(labels)
    change = apply_edit(canvas, edit, boxes_of(labels), next_id or int(labels.max()) + 1)
    return whole(canvas), change


@st.composite
def fields(draw):
    """Rectangles and discs as cells; some touch, ids have gaps."""
    labels = np.zeros(SHAPE, np.int32)
    ys, xs = np.ogrid[: SHAPE[0], : SHAPE[1]]
    for number in range(draw(st.integers(2, 6))):
        y, x, r = draw(st.integers(0, 59)), draw(st.integers(0, 69)), draw(st.integers(2, 14))
        inside = (
            (ys - y) ** 2 + (xs - x) ** 2 <= r * r if draw(st.booleans()) else (abs(ys - y) < r) & (abs(xs - x) < r)
        )
        labels[inside & (labels == 0)] = 3 + 2 * number
    return labels


points = st.lists(st.tuples(st.floats(-5, 65), st.floats(-5, 75)), min_size=3, max_size=8).map(tuple)


@st.composite
def edits(draw, labels):
    ids = sorted(boxes_of(labels))
    kind = draw(st.sampled_from([kind for kind in EditKind if kind not in (EditKind.UNDO, EditKind.REDO)]))
    some = tuple(draw(st.permutations(ids))[: draw(st.integers(2, max(2, len(ids))))])
    cells = some if kind in (EditKind.DELETE, EditKind.MERGE, EditKind.GROW, EditKind.SHRINK) else ()
    return Edit(kind, cells, () if cells else draw(points), draw(st.floats(0.5, 9)))


@settings(max_examples=80)
@given(st.data())
def test_an_edit_and_its_undo_give_the_identical_labels_and_others_keep_theirs(data):
    labels = data.draw(fields())
    edit = data.draw(edits(labels))
    canvas = canvas_of(labels.copy())
    try:
        change = apply_edit(canvas, edit, boxes_of(labels), 1000)
    except InputError:
        assert np.array_equal(whole(canvas), labels) or len(edit.cells) > 1, "a refused edit of one cell draws nothing"
        return
    after = whole(canvas)
    assert len(change) == np.count_nonzero(after != labels), "each changed pixel once"
    others = set(boxes_of(labels)) - change.cells
    for cell in others:
        assert np.array_equal(after == cell, labels == cell)
    if edit.cells:
        assert change.cells <= set(edit.cells)
    assert {int(i) for i in np.unique(after)} - {int(i) for i in np.unique(labels)} <= set(range(1000, 1100))
    assert canvas.holds(change.reverse)
    canvas.apply(change.reverse)
    assert np.array_equal(whole(canvas), labels)


@settings(max_examples=40)
@given(st.data())
def test_tiles_equal_the_whole(data):
    labels = data.draw(fields())
    edit = data.draw(edits(labels))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cellapp.editing.canvas.TILE_PX", 16)
        in_tiles = outcome(labels, edit)
    assert np.array_equal(in_tiles, outcome(labels, edit))


def outcome(labels, edit):
    try:
        return done(labels, edit)[0]
    except InputError as error:
        return str(error)


@settings(max_examples=40)
@given(st.integers(2, 20), st.integers(2, 20), st.integers(2, 20), st.booleans())
def test_a_merge_and_its_split_restore_the_areas(height, left, right, upright):
    labels = np.zeros((24, 44), np.int32)
    labels[2 : 2 + height, 2 : 2 + left], labels[2 : 2 + height, 2 + left : 2 + left + right] = 7, 4
    border = [(0.0, 2.0 + left + 0.5), (23.0, 2.0 + left + 0.5)]
    if not upright:
        labels, border = labels.T.copy(), [(x, y) for y, x in border]
    merged, _ = done(labels, Edit(EditKind.MERGE, (7, 4)))
    assert set(np.unique(merged)) == {0, 7}
    again, change = done(merged, Edit(EditKind.SPLIT, (7,), tuple(border)), next_id=9)
    assert change.cells == {7, 9}
    areas = sorted(np.count_nonzero(again == cell) for cell in (7, 9))
    assert sum(areas) == height * (left + right)
    assert areas[0] + areas[1] == np.count_nonzero(labels)
    column = height  # pixels under the line go to the nearer piece, so that one column may change sides
    assert abs(areas[0] - height * min(left, right)) <= column
    assert np.count_nonzero(again == 7) >= np.count_nonzero(again == 9), "the largest piece keeps the id"


def test_a_line_splits_the_cell_that_holds_most_of_it_and_pieces_are_whole():
    labels = np.zeros((40, 60), np.int32)
    labels[5:35, 5:35], labels[5:35, 36:40] = 1, 2
    after, change = done(labels, Edit(EditKind.SPLIT, (), ((20.2, 0.0), (20.2, 41.0))), next_id=3)
    assert change.cells == {1, 3}
    assert np.array_equal(after == 2, labels == 2)
    assert all(ndimage.label(after == cell)[1] == 1 for cell in (1, 3))


def test_a_bent_cell_cut_across_both_arms_gives_three_pieces():
    labels = np.zeros((40, 40), np.int32)
    labels[2:30, 2:10], labels[22:30, 2:34], labels[2:30, 26:34] = 5, 5, 5
    after, _ = done(labels, Edit(EditKind.SPLIT, (5,), ((10.5, 0.0), (10.5, 39.0))))
    assert set(np.unique(after)) == {0, 5, 6, 7}


def test_brush_and_outline_take_background_only_and_a_stroke_that_begins_on_a_cell_extends_it():
    labels = np.zeros(SHAPE, np.int32)
    labels[10:20, 10:20] = 4
    drawn, _ = done(labels, Edit(EditKind.DRAW, (), ((5, 5), (5, 30), (25, 30), (25, 5))))
    assert np.array_equal(drawn == 4, labels == 4)
    assert np.count_nonzero(drawn == 5) == 20 * 25 - 100
    extended, _ = done(labels, Edit(EditKind.BRUSH, (), ((15.5, 15.5), (15.5, 40.5)), 3.0))
    assert set(np.unique(extended)) == {0, 4}
    new, _ = done(labels, Edit(EditKind.BRUSH, (), ((40.5, 40.5),), 3.0))
    assert np.count_nonzero(new == 5) == 29, "centres within 3 px of a centre"
    assert np.array_equal(new == 4, labels == 4)


def test_grow_and_shrink_move_the_outline_by_one_pixel():
    labels = np.zeros(SHAPE, np.int32)
    labels[10:20, 10:20], labels[0:6, 50:56] = 4, 8
    grown, _ = done(labels, Edit(EditKind.GROW, (4,)))
    assert np.count_nonzero(grown == 4) == 100 + 40
    shrunk, _ = done(labels, Edit(EditKind.SHRINK, (4, 8)))
    assert np.count_nonzero(shrunk == 4) == 64
    assert np.count_nonzero(shrunk == 8) == 5 * 4, "it does not retreat from the edge of the image"


REFUSED = [
    (Edit(EditKind.DELETE, (99,)), "no cell 99"),
    (Edit(EditKind.SPLIT, (), ((50, 0), (50, 60))), "crosses no cell"),
    (Edit(EditKind.SPLIT, (4,), ((12, 5), (14, 15))), "does not part cell 4"),
    (Edit(EditKind.ERASE, (), ((50, 50),), 2.0), "no cell under the stroke"),
    (Edit(EditKind.DRAW, (), ((12, 12), (12, 18), (18, 18))), "at least 4 pixels"),
    (Edit(EditKind.DRAW, (), ((-9, -9), (-9, -5), (-5, -5))), "outside the image"),
    (Edit(EditKind.SHRINK, (6,)), "too thin"),
]


@pytest.mark.parametrize(("edit", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_an_edit_that_can_do_nothing_is_refused_with_words(edit, words):
    labels = np.zeros(SHAPE, np.int32)
    labels[10:20, 10:20], labels[30:32, 30:40] = 4, 6
    with pytest.raises(InputError, match=words) as refusal:
        done(labels, edit)
    assert "\n" not in str(refusal.value)


def test_several_changes_in_a_row_are_one_that_can_be_taken_back():
    labels = np.zeros(SHAPE, np.int32)
    labels[10:20, 10:20] = 4
    canvas, changes = canvas_of(labels.copy()), []
    for kind in (EditKind.GROW, EditKind.SHRINK, EditKind.SHRINK):
        box = boxes_of(whole(canvas))
        changes.append(apply_edit(canvas, Edit(kind, (4,)), box, 5))
    joined = join_changes(changes)
    assert len(joined) == np.count_nonzero(whole(canvas) != labels)
    canvas.apply(joined.reverse)
    assert np.array_equal(whole(canvas), labels)
