"""Maps over pictures: symmetric, never stretched per cell, smooth only for the eye."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.rendering.annotations import signed_colours
from cellapp.rendering.signed_maps import enlarged, laid_over, scale_of


@settings(max_examples=20, deadline=None)
@given(h=st.integers(1, 9), w=st.integers(1, 9), factor=st.integers(1, 5), seed=st.integers(0, 99))
def test_enlarging_keeps_squares_and_smoothing_invents_no_value(h, w, factor, seed):
    values = np.random.default_rng(seed).normal(size=(h, w))
    plain = enlarged(values, (h * factor, w * factor))
    np.testing.assert_array_equal(plain, values.repeat(factor, 0).repeat(factor, 1))
    smooth = enlarged(values, (h * factor, w * factor), smooth=True)
    assert smooth.shape == plain.shape
    assert smooth.min() >= values.min() - 1e-9
    assert smooth.max() <= values.max() + 1e-9
    if factor % 2:  # a pixel lies on the centre of every square
        np.testing.assert_allclose(smooth[factor // 2 :: factor, factor // 2 :: factor], values, atol=1e-9)


@settings(max_examples=20, deadline=None)
@given(opacity=st.floats(0, 1), limit=st.floats(0.1, 5))
def test_nothing_hides_the_picture_where_the_map_says_nothing_and_no_value_more_than_asked(opacity, limit):
    picture = np.full((2, 3, 3), 90, np.uint8)
    values = np.array([[0, limit, -limit], [0, 9 * limit, -9 * limit]])
    drawn = laid_over(picture, values, limit, opacity=opacity)
    np.testing.assert_array_equal(drawn[:, 0], picture[:, 0])
    wanted = np.rint((1 - opacity) * picture + opacity * signed_colours(values, limit))
    assert np.abs(drawn[:, 1:].astype(int) - wanted[:, 1:]).max() <= 1
    np.testing.assert_array_equal(drawn[0], drawn[1])


def test_one_scale_is_that_of_the_loudest_map():
    assert scale_of([np.array([[1.0, -3.0]]), np.zeros((4, 4))]) == 3
    assert scale_of([]) == 0
