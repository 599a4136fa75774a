"""Labels of known mixtures."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.errors import InputError
from cellapp.evaluation.mixtures import mixture_rmse, parse_mixture, pure_classes, target_shares

NAMES = st.lists(
    st.text("abc \u00e4\u7d30,.", min_size=1).map(str.strip).filter(bool), min_size=2, max_size=4, unique=True
)


def test_one_to_two_is_a_third_and_two_thirds():
    shares = target_shares(["b", "a:b=1:2", "b:a = 3:1"], ("a", "b", "c"))
    np.testing.assert_allclose(shares, [[0, 1, 0], [1 / 3, 2 / 3, 0], [1 / 4, 3 / 4, 0]])


@settings(max_examples=30, deadline=None)
@given(NAMES, st.data())
def test_what_is_written_is_read(names, data):
    parts = data.draw(st.lists(st.integers(1, 9), min_size=len(names), max_size=len(names)))
    label = f"{':'.join(names)}={':'.join(map(str, parts))}"
    assert parse_mixture(label) == pytest.approx(dict(zip(names, np.array(parts) / sum(parts), strict=True)))
    assert pure_classes([*names, label]) == tuple(sorted(names))


@pytest.mark.parametrize("name", ["cancer", "a=b", "pH=7", "1:2", "a:b", "a=1:b", "=", "a:b=c:d"])
def test_other_names_are_classes(name):
    assert parse_mixture(name) is None


@pytest.mark.parametrize("label", ["a:b=1:2:3", "a:a=1:2", ":b=1:2", "a:b=0:0", "=1:2", "a=1:2"])
def test_mixtures_that_cannot_be_meant_are_refused(label):
    with pytest.raises(InputError, match="cannot be read; write each class once"):
        parse_mixture(label)


def test_a_mixture_of_what_is_not_there_is_refused():
    with pytest.raises(InputError, match="names 'c', and no cell is of that class alone; classes are a, b"):
        pure_classes(["a", "b", "a:c=1:1"])


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 5), st.integers(2, 4), st.integers(0, 99))
def test_rmse_counts_images_and_not_entries(n, k, seed):
    one, other = np.random.default_rng(seed).dirichlet(np.ones(k), (2, n))
    assert mixture_rmse(one, one) == 0
    assert mixture_rmse(one, other) ** 2 == pytest.approx(
        np.mean([np.sum((a - b) ** 2) for a, b in zip(one, other, strict=True)])
    )
