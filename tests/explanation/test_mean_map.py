"""Mean maps: one axis, one outline, and the sums of the cells kept."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import rotate

from cellapp.explanation.mean_map import GRID, aligned_map, half_axes, mean_map

SIDE = 96


def ellipse(long, short, angle_deg=0.0, centre=(48, 48)):
    y, x = np.mgrid[:SIDE, :SIDE] - np.array(centre)[:, None, None]
    turn = np.deg2rad(angle_deg)
    along, across = x * np.cos(turn) + y * np.sin(turn), -x * np.sin(turn) + y * np.cos(turn)
    return (along / long) ** 2 + (across / short) ** 2 <= 1


@settings(max_examples=25, deadline=None)
@given(long=st.floats(12, 40), ratio=st.floats(0.4, 0.9), angle=st.floats(-90, 90))
def test_the_axes_are_those_of_the_ellipse_that_was_drawn(long, ratio, angle):
    centre, axes = half_axes(ellipse(long, long * ratio, angle))
    np.testing.assert_allclose(centre, (48, 48), atol=0.6)
    np.testing.assert_allclose(np.linalg.norm(axes, axis=0), (long, long * ratio), rtol=0.04)
    direction = np.array([np.sin(np.deg2rad(angle)), np.cos(np.deg2rad(angle))])
    assert abs(direction @ axes[:, 0]) / np.linalg.norm(axes[:, 0]) > 0.99


@settings(max_examples=15, deadline=None)
@given(long=st.floats(15, 40), ratio=st.floats(0.4, 1.0), value=st.floats(-2, 2))
def test_the_mean_over_the_outline_is_the_sum_over_the_cell_whatever_its_size(long, ratio, value):
    inside = ellipse(long, long * ratio)
    found = mean_map([np.full((12, 12), value)], [inside])
    of_cell = value * inside.sum() / SIDE**2 * 144
    assert found.values[found.outline].mean() == pytest.approx(of_cell, rel=1e-4, abs=1e-6)


def pear(angle_deg):
    """A cell with one drawn-out end, and a map that is negative there: both turned together."""
    body = ellipse(34, 14) | ellipse(16, 16, centre=(48, 66))
    values = np.zeros((SIDE, SIDE))
    values[:, 66:] = 1.0
    values[:, :30] = -1.0
    turned = rotate(body.astype(float), angle_deg, reshape=False, order=1) > 0.5
    return rotate(values, angle_deg, reshape=False, order=1), turned


@pytest.mark.parametrize("angle", [0, 37, 90, 180, 251])
def test_cells_turned_any_way_meet_on_one_axis(angle):
    values, _ = aligned_map(*pear(angle))
    right, left = values[:, int(GRID * 0.72) : int(GRID * 0.8)], values[:, int(GRID * 0.2) : int(GRID * 0.28)]
    middle = slice(GRID // 2 - 4, GRID // 2 + 4)
    assert right[middle].max() < 0 < left[middle].min()


def test_the_mean_is_of_the_cells_that_are_there():
    inside = ellipse(30, 20)
    one, other = np.full((8, 8), 1.0), np.full((8, 8), -3.0)
    both = mean_map([one, other, one], [inside, inside, np.zeros_like(inside)])
    assert both.n_cells == 2
    np.testing.assert_allclose(both.values, -mean_map([one], [inside]).values, rtol=1e-5)
    assert mean_map([], []).n_cells == 0
    assert not mean_map([], []).values.any()
