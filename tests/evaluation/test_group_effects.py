"""Effects are those of classes and not of images, and tests are no surer than their images."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.evaluation.group_effects import MIN_CELLS, MIN_GROUPS, compare_classes


def cells(n_images, per_image=12, *, effect=0.0, of_image=0.0, pure=False, seed=0):
    """Numbers of cells, whether they are a, and their image; images differ by `of_image`."""
    rng = np.random.default_rng(seed)
    image = np.repeat(np.arange(n_images), per_image)
    is_a = image % 2 == 0 if pure else rng.random(len(image)) < 0.5
    values = rng.normal(size=len(image)) + effect * is_a + of_image * rng.normal(size=n_images)[image]
    return values, is_a, image.astype(str)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 99), n_images=st.integers(1, 8), per_image=st.integers(2, 12))
def test_delta_is_the_share_of_pairs_and_changes_sign_with_the_classes(seed, n_images, per_image):
    values, is_a, groups = cells(n_images, per_image, effect=0.5, seed=seed)
    found = compare_classes(values, is_a, groups)
    if found is None:
        assert min(is_a.sum(), (~is_a).sum()) < MIN_CELLS
        return
    signs = [np.sign(x - y) for x in values[is_a] for y in values[~is_a]]
    assert found.delta == pytest.approx(np.mean(signs))
    assert found.low is None or found.low <= found.high
    other = compare_classes(values, ~is_a, groups)
    assert other.delta == pytest.approx(-found.delta)
    assert other.p == pytest.approx(found.p) if found.p is not None else other.p is None
    assert found.over == ("images" if n_images >= MIN_GROUPS else "cells")


@pytest.mark.parametrize("pure", [False, True])
def test_a_real_difference_is_found_and_none_is_not(pure):
    real = compare_classes(*cells(10, effect=2.0, of_image=0.5, pure=pure))
    assert real.p < 0.05
    assert 0.5 < real.low < real.delta < real.high <= 1
    none = [compare_classes(*cells(10, of_image=2.0, pure=pure, seed=seed)) for seed in range(40)]
    assert np.mean([one.p < 0.05 for one in none]) <= 0.15, "images that differ are no classes that differ"


def test_images_of_one_class_that_are_too_few_have_no_test():
    assert compare_classes(*cells(MIN_GROUPS, effect=3.0, pure=True)).p is None
    assert compare_classes(*cells(8, effect=3.0, pure=True)).p <= 0.05


def test_one_image_is_compared_over_its_cells_and_few_cells_have_no_test():
    found = compare_classes(*cells(1, 60, effect=2.0))
    assert (found.over, found.p < 0.01) == ("cells", True)
    for n_a in (1, MIN_CELLS - 1):
        assert compare_classes(np.arange(40.0), np.arange(40) < n_a, np.full(40, "a")) is None


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 99), n_images=st.integers(2, 8))
def test_what_keeps_the_order_of_numbers_keeps_effect_and_test(seed, n_images):
    """A few huge values turn means round; delta and p are of ranks."""
    values, is_a, groups = cells(n_images, effect=0.7, seed=seed)
    one, other = (compare_classes(some, is_a, groups) for some in (values, np.exp(4 * values)))
    assert (one.delta, one.low, one.high, one.p) == (other.delta, other.low, other.high, other.p)


def test_missing_numbers_are_left_out():
    values, is_a, groups = cells(7, effect=1.0)
    more = np.append(values, [np.nan, np.inf])
    same = compare_classes(more, np.append(is_a, [True, False]), np.append(groups, ["9", "9"]))
    assert same == compare_classes(values, is_a, groups)
    assert compare_classes(np.full(4, np.nan), np.array([True, False] * 2), np.full(4, "a")) is None
