"""Bars are of a round length and true to the scale; without a scale there is none."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.ui.components.scale_bar import NO_BAR, bar_of


@settings(max_examples=50, deadline=None)
@given(st.integers(8, 4096), st.floats(1e-3, 100))
def test_a_bar_is_as_long_as_it_says_and_between_a_tenth_and_a_third(side_px, um_per_px):
    bar = bar_of(side_px, um_per_px)
    number, unit = bar.text.split()
    assert unit == "µm"
    assert float(number) == pytest.approx(bar.share * side_px * um_per_px, rel=1e-4)
    assert 0.1 < bar.share <= 1 / 3 + 1e-9
    assert round(float(number) / 10 ** math.floor(math.log10(float(number)))) in (1, 2, 5)


@pytest.mark.parametrize("um_per_px", [None, 0.0])
def test_without_a_pixel_size_there_is_no_bar(um_per_px):
    assert bar_of(100, um_per_px) == NO_BAR
