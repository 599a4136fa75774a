"""Doubling times are those that were planted, and what cannot be told is not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.evaluation.growth import fit_growth


@settings(max_examples=30, deadline=None)
@given(doubling=st.floats(2, 100), start=st.floats(1, 1e4), n=st.integers(3, 12))
def test_exact_growth_is_found(doubling, start, n):
    times = np.linspace(0, 3 * doubling, n)
    found = fit_growth(times, start * 2 ** (times / doubling), full=None)
    assert found.doubling_h == pytest.approx(doubling)
    assert found.rate_low <= found.rate_per_h <= found.rate_high
    assert (found.n, found.note) == (n, "")


def test_the_interval_holds_the_rate_as_often_as_it_promises():
    generator, times, inside = np.random.default_rng(0), np.arange(0.0, 48, 4), 0
    for _ in range(300):
        values = np.exp(np.log(2) / 20 * times + generator.normal(0, 0.2, len(times)))
        found = fit_growth(times, values, full=None)
        inside += found.rate_low <= np.log(2) / 20 <= found.rate_high
    assert 0.9 <= inside / 300 <= 0.99


def test_a_full_dish_is_left_out():
    times = np.arange(0.0, 60, 6)
    share = np.minimum(0.1 * 2 ** (times / 12), 0.95)
    found = fit_growth(times, share)
    assert found.doubling_h == pytest.approx(12)
    assert found.n == (share < 0.8).sum()


@pytest.mark.parametrize(
    ("times", "values", "said"),
    [
        ([0, 1], [1, 2], "fewer than 3 times"),
        ([0, 0, 0], [1, 2, 3], "fewer than 3 times"),
        ([0, 1, 2], [0, 0, 0], "fewer than 3 times"),
        ([0, 1, 2, 3], [5, 6, 5, 6], "cannot be told from none"),
        ([0, 1, 2, 3], [5, 5, 5, 5], "cannot be told from none"),
    ],
)
def test_what_cannot_be_told_is_said(times, values, said):
    assert said in fit_growth(times, values, full=None).note
