"""A cell is found again in another segmentation, and no two take the same one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.labelling.matching import LEAST_IOU, cells_at, match_outlines
from cellapp.labelling.outline import outline_from_json, outline_of
from tests.cells.toy import blobs

LABELS = st.integers(0, 2**31 - 1).map(lambda seed: np.random.default_rng(seed).integers(0, 5, (9, 11)))


def outlines(labels):
    """Every cell of a label image by id; cells may be in pieces."""
    return {int(cell): outline_of(labels == cell, 0, 0) for cell in np.unique(labels[labels > 0])}


def areas(labels):
    return dict(zip(*(values.tolist() for values in np.unique(labels, return_counts=True)), strict=True))


def match(labels, others):
    kept = outlines(labels)
    read = lambda region: others[region.slices]  # noqa: E731
    found = match_outlines(list(kept.values()), read, areas(others), others.shape)
    return dict(zip(kept, found.tolist(), strict=True))


@settings(max_examples=60, deadline=None)
@given(LABELS)
def test_an_outline_holds_exactly_its_pixels_and_survives_json(labels):
    for cell, outline in outlines(labels).items():
        kept = outline_from_json(outline.json)
        whole = np.zeros(labels.shape, bool)
        whole[kept.region.slices] = kept.mask
        np.testing.assert_array_equal(whole, labels == cell)
        assert kept.area_px == (labels == cell).sum()
        assert labels[kept.point] == cell


@settings(max_examples=60, deadline=None)
@given(LABELS, LABELS)
def test_matching_is_one_to_one_and_only_from_the_least_overlap_on(labels, others):
    found = match(labels, others)
    matched = [cell for cell in found.values() if cell]
    assert len(set(matched)) == len(matched)
    for cell, other in found.items():
        ious = {
            int(one): ((labels == cell) & (others == one)).sum() / ((labels == cell) | (others == one)).sum()
            for one in np.unique(others[others > 0])
        }
        if other:
            assert ious[other] >= LEAST_IOU
        else:
            assert max(ious.values(), default=0) <= LEAST_IOU  # a tie at exactly one half may have gone to another


@settings(max_examples=30, deadline=None)
@given(LABELS)
def test_every_cell_of_the_same_segmentation_is_itself_under_new_numbers(labels):
    names = np.array([0, 40, 7, 99, 3])
    assert match(labels, names[labels]) == {cell: names[cell] for cell in outlines(labels)}


@pytest.mark.parametrize("shift", [(1, 0), (0, 1), (-1, 0), (0, -1), (1, 1), (-1, 1)])
def test_a_copy_shifted_by_a_pixel_keeps_all_labels(shift):
    labels = blobs(9)
    found = match(labels, np.roll(labels, shift, (0, 1)))
    assert found == {cell: cell for cell in outlines(labels)}


def test_a_cell_beyond_the_other_image_has_no_partner():
    labels = np.zeros((6, 6), int)
    labels[4:, 4:] = 3
    assert match(labels, np.zeros((3, 3), int)) == {3: 0}


def test_points_name_the_cell_under_them():
    labels = np.zeros((4, 5), int)
    labels[1:3, 2:4] = 8
    points = [(1, 2), (2.4, 3.4), (0, 0), (2.6, 3), (-1, 2), (1, 9)]
    assert cells_at(points, lambda region: labels[region.slices], labels.shape).tolist() == [8, 8, 0, 0, 0, 0]
