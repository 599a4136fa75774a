"""From masks to single cells."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from cellapp.segmentation.watershed import grow_cells, seeds_of, split_touching
from tests.segmentation.phantoms import discs

MASKS = arrays(bool, st.tuples(st.integers(2, 25), st.integers(2, 25)))


@given(mask=MASKS, diameter_px=st.floats(2, 30))
@settings(max_examples=40, deadline=None)
def test_every_pixel_of_the_mask_belongs_to_a_cell_and_no_other(mask, diameter_px):
    labels = split_touching(mask, diameter_px)
    np.testing.assert_array_equal(labels > 0, mask)
    assert labels.dtype == np.int32
    assert set(np.unique(labels)) - {0} == set(range(1, labels.max() + 1))


@given(mask=MASKS, diameter_px=st.floats(2, 30))
@settings(max_examples=40, deadline=None)
def test_no_cell_spans_two_pieces_and_every_piece_has_a_seed(mask, diameter_px):
    pieces, n_pieces = ndimage.label(mask)
    labels = split_touching(mask, diameter_px)
    for cell in range(1, labels.max() + 1):
        assert len(np.unique(pieces[labels == cell])) == 1
    seeds = seeds_of(ndimage.distance_transform_edt(mask), mask, diameter_px)
    assert len(np.unique(pieces[seeds > 0])) == n_pieces
    assert np.count_nonzero(seeds) == seeds.max(initial=0)


@pytest.mark.parametrize("distance_px", [17, 20, 24])
def test_two_touching_discs_are_divided_where_they_touch(distance_px):
    truth = discs((60, 80), [(30, 25), (30, 25 + distance_px)], 12)
    labels = split_touching(truth > 0, 24)
    assert labels.max() == 2
    areas = np.bincount(labels.ravel())[1:]
    assert areas.max() / areas.min() < 1.15


@pytest.mark.parametrize("radius_px", [8, 15, 30])
def test_one_disc_stays_one(radius_px):
    mask = discs((80, 80), [(40, 40)], radius_px) > 0
    assert split_touching(mask, 2 * radius_px).max() == 1


def test_constrictions_much_narrower_than_a_cell_are_kept():
    truth = discs((60, 80), [(30, 30), (30, 41)], 8)
    assert split_touching(truth > 0, 80).max() == 1


def test_nuclei_grow_to_whole_cells_with_their_ids():
    body = np.zeros((60, 120), bool)
    body[10:50, 5:115] = True
    nuclei = discs(body.shape, [(30, 30), (30, 90)], 8)
    cells = grow_cells(nuclei, body, np.full(body.shape, 6.0, np.float32), 40)
    np.testing.assert_array_equal(cells > 0, body)
    np.testing.assert_array_equal(cells[nuclei > 0], nuclei[nuclei > 0])
    assert abs(int((cells == 1).sum()) - int((cells == 2).sum())) <= body.sum() * 0.05


def test_cells_meet_in_the_dim_seam_between_them():
    body = np.ones((40, 100), bool)
    brightness = np.full(body.shape, 6.0, np.float32)
    brightness[:, 58:62] = -20.0
    nuclei = discs(body.shape, [(20, 40), (20, 70)], 4)
    border = (grow_cells(nuclei, body, brightness, 400) == 1).sum(axis=1)
    assert np.abs(border - 60).max() <= 3


def test_pieces_without_a_nucleus_are_cells_and_nuclei_without_a_body_stay():
    body = discs((50, 100), [(25, 20), (25, 80)], 12) > 0
    nuclei = np.zeros(body.shape, np.int32)
    nuclei[23:28, 18:23] = 1
    nuclei[2:6, 48:52] = 2
    cells = grow_cells(nuclei, body, np.zeros(body.shape, np.float32), 24)
    assert len(np.unique(cells)) - 1 == 3
    assert (cells[2:6, 48:52] == 2).all()
    assert cells[25, 80] > 2


def test_nothing_grows_from_nothing():
    empty = np.zeros((9, 9), np.int32)
    assert not grow_cells(empty, empty > 0, np.zeros((9, 9), np.float32), 10).any()
    assert not split_touching(empty > 0, 10).any()
