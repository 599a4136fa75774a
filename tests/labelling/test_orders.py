"""Orders rank every cell once, and the cells they promise come first."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.errors import InputError
from cellapp.labelling import orders
from cellapp.labelling.orders import ORDERS, Candidates, OrderOptions, order_cells


def cells(n, seed, *, share=0.3, copies=False):
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(n, 4)).astype(np.float32)
    if copies and n:
        vectors[n // 2 :] = vectors[0]
    return Candidates(
        vectors, random.random(n) < share, random.dirichlet(np.ones(3), n), [f"i{k % 3}" for k in range(n)]
    )


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(sorted(ORDERS)), st.integers(1, 40), st.integers(0, 999), st.sampled_from([0, 0.3, 1]))
def test_an_order_is_a_permutation_with_labelled_cells_last_and_always_the_same(name, n, seed, share):
    candidates, options = cells(n, seed, share=share, copies=seed % 2 == 0), OrderOptions(seed=seed, like=(n - 1,))
    rows = order_cells(name, candidates, options)
    assert sorted(rows.tolist()) == list(range(n))
    labelled = candidates.labelled[rows]
    assert (np.diff(labelled.astype(int)) >= 0).all()
    np.testing.assert_array_equal(rows, order_cells(name, candidates, options))


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 30), st.integers(0, 999))
def test_farthest_first_takes_the_farthest_and_never_one_twice(n, seed):
    candidates = cells(n, seed)
    rows = orders.most_different(candidates)
    assert len(set(rows.tolist())) == n
    vectors = (candidates.vectors - candidates.vectors.mean(0)) / candidates.vectors.std(0)
    before = np.flatnonzero(candidates.labelled).tolist()
    for row in rows[: (~candidates.labelled).sum()]:
        if before:
            distance = np.linalg.norm(vectors[:, None] - vectors[before], axis=2).min(1)
            left = np.setdiff1d(np.flatnonzero(~candidates.labelled), before)
            assert distance[row] >= distance[left].max() - 1e-4
        before.append(row)


def test_what_is_asked_for_comes_first():
    candidates = Candidates(
        np.array([[0.0, 0], [0, 0.1], [9, 9], [0.1, 0]]),
        np.zeros(4, bool),
        np.array([[0.9, 0.1], [0.45, 0.55], [0.7, 0.3], [0.02, 0.98]]),
        list("baba"),
    )
    assert orders.least_sure(candidates)[0] == 1
    assert orders.oddest(candidates)[0] == 2
    assert orders.in_band(candidates, OrderOptions(band=(0.6, 0.8)))[0] == 2
    assert orders.in_band(candidates, OrderOptions(class_index=1, band=(0.9, 1)))[0] == 3
    assert orders.more_like(candidates, OrderOptions(like=(1,))).tolist()[:2] == [1, 0]
    assert orders.by_image(candidates).tolist() == [0, 2, 1, 3]


def test_random_orders_of_other_seeds_differ():
    candidates = cells(40, 0)
    assert orders.at_random(candidates, OrderOptions(1)).tolist() != orders.at_random(candidates).tolist()


@pytest.mark.parametrize("name", sorted(set(ORDERS) - {"like"}))
def test_no_cells_are_ranked_as_none(name):
    assert order_cells(name, cells(0, 0)).tolist() == []


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("newest", OrderOptions(), "no order 'newest'; choose one of: least-sure"),
        ("like", OrderOptions(), "choose one"),
        ("band", OrderOptions(band=(0.8, 0.2)), "0.8 to 0.2"),
    ],
)
def test_what_an_order_lacks_is_said(name, options, words):
    with pytest.raises(InputError, match=words):
        order_cells(name, cells(3, 0), options)


@pytest.mark.parametrize("name", ["least-sure", "band"])
def test_orders_by_probability_need_a_probe(name):
    with pytest.raises(InputError, match="label at least one cell of each of two classes"):
        order_cells(name, Candidates(np.ones((2, 2)), np.zeros(2, bool)))
