import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.cells.packed_crops import batches, find_boxes, pack
from tests.cells.toy import label_arrays, noise


@given(labels=label_arrays(), gap=st.sampled_from([1, 7, 300_000_000]))
@settings(max_examples=40, deadline=None)
def test_a_box_is_as_tight_as_can_be(labels, gap):
    labels = labels * gap
    ids, boxes = find_boxes(labels)
    assert ids.tolist() == [i for i in np.unique(labels).tolist() if i]
    for cell_id, (y0, x0, y1, x1) in zip(ids, boxes, strict=True):
        inside = labels == cell_id
        assert inside[y0:y1, x0:x1].sum() == inside.sum()
        assert all(side.any() for side in (inside[y0], inside[y1 - 1], inside[:, x0], inside[:, x1 - 1]))


@pytest.mark.parametrize("shape", [(0, 0), (0, 5), (3, 4)])
def test_nothing_has_no_boxes(shape):
    ids, boxes = find_boxes(np.zeros(shape, np.int32))
    assert (ids.shape, ids.dtype, boxes.shape) == ((0,), np.int32, (0, 4))
    assert list(batches(boxes, 10)) == []


@given(labels=label_arrays(), limit_px=st.integers(1, 500))
@settings(max_examples=30, deadline=None)
def test_every_box_is_in_one_batch_of_bounded_size(labels, limit_px):
    boxes = find_boxes(labels)[1]
    parts = list(batches(boxes, limit_px))
    assert sorted(np.concatenate(parts).tolist() if parts else []) == list(range(len(boxes)))
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    assert all(area[part].sum() - area[part].max() <= limit_px for part in parts)


@given(labels=label_arrays())
@settings(max_examples=30, deadline=None)
def test_a_sheet_holds_the_pixels_of_each_cell_and_what_is_beside_them(labels):
    ids, boxes = find_boxes(labels)
    if not len(ids):
        return
    pixels = noise(labels.shape)
    packed = pack(labels, ids, boxes)
    flat = packed.pixels(lambda region: pixels[(slice(None), *region.slices)], labels.shape)
    edged = np.pad(pixels, ((0, 0), (1, 1), (1, 1)), mode="edge")
    for i, cell_id in enumerate(ids):
        y, x = np.nonzero(labels == cell_id)
        at = packed.at[packed.each(np.arange(len(ids))) == i]
        width = packed.widths[i]
        np.testing.assert_array_equal(flat[:, at], pixels[:, y, x])
        np.testing.assert_array_equal(flat[:, at - width], edged[:, y, x + 1])
        np.testing.assert_array_equal(flat[:, at + 1], edged[:, y + 1, x + 2])
