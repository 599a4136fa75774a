"""Fields of long cells: each cell is one piece, apart from the others, and longer than wide."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from cellapp.synthetic.long_cells import LENGTH_PX, SLENDER, LongCell, render_long_cells

EIGHT = np.ones((3, 3))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_each_cell_is_one_piece_apart_from_the_others(seed):
    pixels, labels = render_long_cells(seed)
    assert pixels.shape == (1, *labels.shape)
    assert np.array_equal(np.unique(labels), np.arange(labels.max() + 1))
    assert ndimage.label(labels > 0, EIGHT)[1] == labels.max()


def test_a_seed_draws_the_same_field_again():
    for one, other in zip(render_long_cells(3), render_long_cells(3), strict=True):
        assert np.array_equal(one, other)


def test_cells_are_brighter_than_the_background():
    pixels, labels = render_long_cells(5)
    assert np.median(pixels[0][labels > 0]) > 2 * np.median(pixels[0][labels == 0])


@pytest.mark.parametrize("pointed", [False, True])
@pytest.mark.parametrize("angle", [0.0, 0.7, np.pi / 2])
def test_length_and_width_are_as_asked(pointed, angle):
    y, x = np.mgrid[-110:111, -110:111]
    inside = LongCell(LENGTH_PX[0] * 4, 200 / SLENDER[0] / 2, angle, pointed, 0.0).covers(y, x)
    along = x * np.cos(angle) + y * np.sin(angle)
    across = y * np.cos(angle) - x * np.sin(angle)
    assert np.ptp(along[inside]) == pytest.approx(200, abs=3)
    assert np.ptp(across[inside]) == pytest.approx(25, abs=3)
