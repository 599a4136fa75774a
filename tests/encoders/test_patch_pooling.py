"""Laws of pooling patches by cell."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.encoders.patch_pooling import nothing_covered, pool_patches

GRID, DIM = (4, 4), 3
FEW = settings(max_examples=25, deadline=None)


def patches(n_windows=2, *, seed=0):
    return np.random.default_rng(seed).normal(size=(n_windows, GRID[0] * GRID[1], DIM)).astype(np.float32)


@st.composite
def labelled(draw):
    """Label images of two windows with sides that are no multiples of the grid, and the ids in them."""
    side = draw(st.integers(5, 18))
    seed = draw(st.integers(0, 10_000))
    labels = np.random.default_rng(seed).choice([0, 3, 7, 1000], size=(2, side, side), p=[0.4, 0.3, 0.2, 0.1])
    return labels, np.unique(labels[labels > 0])


@pytest.mark.parametrize("side", [4, 7, 16])
def test_a_cell_that_covers_everything_has_the_plain_mean_and_spread(side):
    found = pool_patches(patches(), np.full((2, side, side), 5), np.array([5]), GRID)
    flat = patches().reshape(-1, DIM)
    np.testing.assert_allclose(found.mean[0], flat.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(found.spread[0], flat.std(axis=0), atol=1e-6)
    np.testing.assert_allclose(found.n_patches, [2 * GRID[0] * GRID[1]])


def test_a_patch_counts_by_the_share_of_it_that_is_covered():
    labels = np.zeros((1, 8, 8), int)
    labels[0, :2, :2], labels[0, :2, 2] = 1, 1  # the first patch whole, half of the second
    found = pool_patches(patches(1), labels, np.array([1]), GRID)
    first, second = patches(1)[0, :2]
    np.testing.assert_allclose(found.n_patches, [1.5])
    np.testing.assert_allclose(found.mean[0], (first + second / 2) / 1.5, atol=1e-6)


@FEW
@given(labelled(), st.permutations([0, 1, 2]))
def test_cells_may_be_asked_for_in_any_order(drawn, order):
    labels, ids = drawn
    order = [row for row in order if row < len(ids)]
    there, back = pool_patches(patches(), labels, ids, GRID), pool_patches(patches(), labels, ids[order], GRID)
    np.testing.assert_allclose(back.tokens, there.tokens[order])
    np.testing.assert_allclose(back.n_patches, there.n_patches[order])


@FEW
@given(labelled())
def test_a_cell_does_not_depend_on_other_cells(drawn):
    labels, ids = drawn
    together = pool_patches(patches(), labels, ids, GRID)
    for row, cell in enumerate(ids):
        alone = pool_patches(patches(), np.where(labels == cell, 9, 0), np.array([9]), GRID)
        np.testing.assert_allclose(alone.mean[0], together.mean[row], atol=1e-6)
        np.testing.assert_allclose(alone.spread[0], together.spread[row], atol=1e-6)


@FEW
@given(labelled())
def test_windows_can_be_added_one_by_one(drawn):
    labels, ids = drawn
    added = nothing_covered(len(ids), DIM)
    for window in range(2):
        added += pool_patches(patches()[window : window + 1], labels[window : window + 1], ids, GRID)
    at_once = pool_patches(patches(), labels, ids, GRID)
    np.testing.assert_allclose(added.mean, at_once.mean, atol=1e-6)
    np.testing.assert_allclose(added.spread, at_once.spread, atol=1e-5)


def test_a_cell_of_one_pixel_has_the_token_of_its_patch():
    labels = np.zeros((1, 16, 16), int)
    labels[0, 5, 9] = 2
    found = pool_patches(patches(1), labels, np.array([2]), GRID)
    np.testing.assert_allclose(found.mean[0], patches(1)[0, 1 * GRID[1] + 2], atol=1e-6)
    np.testing.assert_allclose(found.spread[0], 0, atol=1e-5)


@pytest.mark.parametrize("ids", [[], [4]], ids=["nobody asked for", "nobody there"])
def test_no_cell(ids):
    found = pool_patches(patches(), np.zeros((2, 8, 8), int), np.array(ids, np.int32), GRID)
    assert found.tokens.shape == found.squares.shape == (len(ids), DIM)
    assert not found.n_patches.any()
