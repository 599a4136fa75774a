"""The learning rate rises in equal parts to its peak and falls along half a cosine to the floor."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.training.classifier.schedule import rate_factor


@settings(max_examples=30, deadline=None)
@given(warm_up=st.integers(0, 20), cosine=st.integers(1, 100), floor=st.floats(0, 1))
def test_up_to_the_peak_then_down_to_the_floor(warm_up, cosine, floor):
    steps = warm_up + cosine
    rates = np.array([rate_factor(step, steps=steps, warm_up=warm_up, floor=floor) for step in range(steps + 5)])
    np.testing.assert_allclose(rates[:warm_up], np.arange(1, warm_up + 1) / max(warm_up, 1))
    assert (np.diff(rates[warm_up:steps]) <= 1e-12).all()
    np.testing.assert_allclose(rates[steps - 1 :], floor, atol=1e-12)


def test_half_way_between_peak_and_floor_in_the_middle_of_the_cosine():
    assert rate_factor(59, steps=110, warm_up=10, floor=0.1) == pytest.approx(0.55)
