"""Nearest cells."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.explanation.examples import nearest, usual_distance


@settings(max_examples=20, deadline=None)
@given(n=st.integers(0, 30), k=st.integers(1, 8), seed=st.integers(0, 99))
def test_no_cell_left_out_is_nearer_than_one_that_is_named(n, k, seed):
    rng = np.random.default_rng(seed)
    features, query = rng.normal(size=(n, 4)), rng.normal(size=4)
    rows, away = nearest(query, features, k)
    assert len(rows) == len(set(rows.tolist())) == min(k, n)
    assert (np.diff(away) >= 0).all()
    others = np.delete(np.linalg.norm(features - query, axis=1), rows)
    assert not len(others) or others.min() >= away[-1]


def test_the_usual_distance_is_that_of_neighbours():
    assert usual_distance(np.array([[0.0], [1.0], [10.0], [11.0]])) == 1
    assert np.isnan(usual_distance(np.zeros((1, 3))))
    assert usual_distance(np.arange(5000.0)[:, None]) == pytest.approx(5, abs=0.1)
