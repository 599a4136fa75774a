"""Measures of truth prefer the true map, and notice maps that do not depend on the model."""

import numpy as np
import pytest

from cellapp.explanation.faithfulness import imputed, measure_order, most_important, with_interval
from cellapp.explanation.sanity import rank_correlations, shifted, shuffled, turned
from tests.encoders.tiny import tiny_encoder


@pytest.fixture
def planted():
    """Crops with one bright patch each, a model that reads brightness, and where the patch is."""
    rng = np.random.default_rng(0)
    crops, truth = rng.random((12, 3, 32, 32), np.float32) * 0.1, np.zeros((12, 4, 4))
    for crop, where, at in zip(crops, truth, rng.integers(0, 4, (12, 2)), strict=True):
        where[tuple(at)] = 1
        crop[:, at[0] * 8 : at[0] * 8 + 8, at[1] * 8 : at[1] * 8 + 8] = 1
    return crops, truth, lambda pixels: pixels.mean(axis=(1, 2, 3)) * 10


def test_the_true_map_beats_random_ones_by_every_measure_and_its_opposite_loses(planted):
    crops, truth, logit = planted
    noise = np.random.default_rng(1).normal(size=truth.shape)
    true, random, false = (measure_order(logit, crops, maps) for maps in (truth, noise, -truth))
    for name in ("deletion", "insertion", "road"):
        assert with_interval(true[name] - random[name])["low"] > 0
        assert with_interval(false[name] - true[name])["high"] < 0


def test_imputing_recovers_what_is_even_and_bridges_a_slope():
    slope = np.broadcast_to(np.linspace(0, 1, 32, dtype=np.float32), (1, 1, 32, 32)).copy()
    removed = np.zeros((1, 4, 4), bool)
    removed[0, 1:3, 1:3] = True
    spoiled = slope.copy()
    spoiled[..., 8:24, 8:24] = 0
    np.testing.assert_allclose(imputed(spoiled, removed)[..., 10:22, 10:22], slope[..., 10:22, 10:22], atol=0.09)
    assert imputed(np.full((1, 2, 32, 32), 0.5, np.float32), removed)[..., 8:24, 8:24] == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize("share", [0.01, 0.3, 1.0])
def test_the_largest_values_are_the_most_important(share):
    maps = np.random.default_rng(2).normal(size=(3, 4, 5))
    chosen = most_important(maps, share)
    assert (chosen.sum(axis=(1, 2)) == max(round(share * 20), 1)).all()
    assert all(one[mask].min() >= one[~mask].max(initial=-9) for one, mask in zip(maps, chosen, strict=True))


def test_correlation_is_of_ranks_and_even_maps_have_none():
    maps = np.random.default_rng(3).normal(size=(2, 4, 4))
    np.testing.assert_allclose(rank_correlations(maps, np.exp(maps)), 1)
    np.testing.assert_allclose(rank_correlations(maps, -maps), -1)
    assert rank_correlations(maps, np.ones_like(maps)).tolist() == [0, 0]


def test_shuffling_changes_a_copy_only_and_keeps_the_values(tmp_path):
    encoder = tiny_encoder(tmp_path)
    before = [part.clone() for part in encoder.network.parameters()]
    other = shuffled(encoder)
    assert all((one == two).all() for one, two in zip(before, encoder.network.parameters(), strict=True))
    for one, two in zip(before, other.network.parameters(), strict=True):
        np.testing.assert_array_equal(np.sort(one.flatten()), np.sort(two.flatten()))
    crops = np.random.default_rng(0).random((2, 3, 32, 32), np.float32)
    ids = np.arange(2, dtype=np.int32)
    assert not np.allclose(encoder.embed(crops, ids).cls, other.embed(crops, ids).cls, atol=0.1)


def test_moves_and_turns_keep_the_size_and_turns_can_be_undone():
    crops = np.random.default_rng(4).random((2, 3, 8, 8))
    np.testing.assert_array_equal(shifted(crops)[..., 1:], crops[..., :-1])
    np.testing.assert_array_equal(turned(turned(crops), -1), crops)
