"""Cells much longer than wide are found whole, by every segmenter, without a hint."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from cellapp.segmentation.classical import Classical
from cellapp.segmentation.diameter import estimate_size
from cellapp.segmentation.long_cells import LONG, divide_long, length_px, mend_long, mend_pieces, typical_elongation
from cellapp.segmentation.run_segmenter import segment
from cellapp.segmentation.slide_fit import fit_slide
from cellapp.settings import SegmentSettings
from cellapp.types.image import Role
from tests.segmentation.phantoms import discs, glowing, grid_of_discs, rods

OTHER, AUTOMATIC = (Role.OTHER,), SegmentSettings()
MASKS = arrays(bool, st.tuples(st.integers(2, 25), st.integers(2, 25)))


def soft(labels, sigma_px):
    return np.clip(ndimage.gaussian_filter(glowing(labels), (0, sigma_px, sigma_px)), 0, 1)


@given(mask=MASKS, width_px=st.floats(2, 30))
@settings(max_examples=30, deadline=None)
def test_every_pixel_is_in_one_cell_and_every_cell_in_one_piece(mask, width_px):
    labels = divide_long(mask, width_px)
    pieces, n_pieces = ndimage.label(mask)
    np.testing.assert_array_equal(labels > 0, mask)
    assert n_pieces <= labels.max() == len(np.unique(labels)) - (not mask.all())
    for cell in range(1, labels.max() + 1):
        assert len(np.unique(pieces[labels == cell])) == 1


@given(
    ratio=st.floats(2.5, 12),
    width_px=st.integers(6, 16),
    angle=st.floats(0, 3.1),
    pointed=st.booleans(),
    sigma_px=st.sampled_from([0, 1.5]),
)
@settings(max_examples=12, deadline=None)
def test_classical_counts_long_cells_of_any_shape_and_direction(ratio, width_px, angle, pointed, sigma_px):
    truth = rods((1.5 if pointed else 1) * ratio * width_px, width_px, angle=angle, n=2, pointed=pointed)
    assert segment(soft(truth, sigma_px), OTHER, Classical(), AUTOMATIC).labels.max() == 4


@pytest.mark.parametrize("angle", [0.0, 0.8])
@pytest.mark.parametrize("width_px", [8, 20])
def test_classical_counts_cells_twice_as_long_as_wide(width_px, angle):
    truth = rods(2 * width_px, width_px, angle=angle, n=2)
    assert segment(glowing(truth), OTHER, Classical(), AUTOMATIC).labels.max() == 4


@pytest.mark.parametrize(("length", "width", "bend"), [(240, 8, 0.15), (300, 10, 0.0), (160, 6, 0.1)])
def test_classical_counts_fibres(length, width, bend):
    truth = rods(length, width, n=2, bend=bend)
    assert segment(soft(truth, 1), OTHER, Classical(), AUTOMATIC).labels.max() == 4


@pytest.mark.parametrize("distance_px", [17, 20, 24])
def test_touching_discs_are_divided_among_long_cells_too(distance_px):
    mask = discs((60, 80), [(30, 25), (30, 25 + distance_px)], 12) > 0
    assert divide_long(mask, 24).max() == 2


def test_two_rods_end_to_end_are_two():
    mask = np.zeros((40, 160), bool)
    mask[14:26, 10:78] = mask[14:26, 82:150] = mask[19:21, 78:82] = True
    assert divide_long(mask, 12).max() == 2


@pytest.mark.parametrize(("ratio", "angle"), [(3, 0.3), (5, 1.2), (10, 2.0)])
def test_elongation_and_size_of_rods(ratio, angle):
    truth = rods(ratio * 12, 12, angle=angle, n=2)
    assert typical_elongation(truth) == pytest.approx(ratio, rel=0.15)
    size = estimate_size(glowing(truth), OTHER)
    assert size.width_px == pytest.approx(12, abs=2.5)
    assert length_px(size.diameter_px, size.width_px) == pytest.approx(ratio * 12, rel=0.3)


def test_round_cells_are_not_long():
    assert typical_elongation(grid_of_discs(14)) < 1.1 < LONG
    assert estimate_size(glowing(grid_of_discs(14)), OTHER).width_px is None
    assert typical_elongation(np.zeros((4, 4), np.int32)) == 1


def test_what_a_network_breaks_up_is_mended_and_what_it_finds_whole_is_kept():
    truth = rods(90, 10, n=2)
    whole = np.where(truth < 3, truth, 0)
    parts = whole + np.where((truth >= 3) & (np.arange(truth.shape[1]) % 30 < 12), 2 * truth, 0).astype(np.int32)
    mended = mend_long(parts, truth > 0, 10, 15)
    assert mended.max() == 4
    np.testing.assert_array_equal(mended > 0, truth > 0)
    for cell in (1, 2):
        assert len(np.unique(mended[truth == cell])) == 1


def test_masks_outside_all_pieces_stay_as_they_are():
    truth = rods(90, 10, n=2)
    dim, pieces = np.where(truth == 1, 1, 0), np.where(truth > 1, truth - 1, 0)
    broken = np.where((truth == 2) & (np.arange(truth.shape[1]) % 30 < 12), 2, dim).astype(np.int32)
    mended = mend_pieces(broken, pieces.astype(np.int32), 15)
    np.testing.assert_array_equal(mended > 0, truth > 0)
    assert len(np.unique(mended[truth == 1])) == len(np.unique(mended[truth == 2])) == 1


def test_long_cells_in_tiles_are_those_of_the_whole():
    pixels = glowing(rods(80, 12, n=3))
    fit = fit_slide([pixels], OTHER, Classical(), AUTOMATIC)
    assert 65 < fit.reach_px < 95
    np.testing.assert_array_equal(
        segment(pixels, OTHER, Classical(), AUTOMATIC, fit=fit).labels,
        segment(pixels, OTHER, Classical(), AUTOMATIC).labels,
    )
