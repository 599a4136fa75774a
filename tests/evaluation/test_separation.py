"""Numbers tell classes apart on images they were not fitted to, or not at all."""

import numpy as np
import pytest

from cellapp.evaluation.group_effects import rank_correlation
from cellapp.evaluation.separation import separate


def cells(n_images=8, per_image=14, effect=3.0, seed=0):
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(n_images), per_image).astype(str)
    is_a = np.arange(len(groups)) % 2 == 0
    features = rng.normal(size=(len(groups), 4))
    features[:, 1] += effect * is_a
    return features, is_a, groups


def test_what_differs_is_found_and_noise_is_chance():
    found, noise = separate(*cells()), separate(*cells(effect=0.0))
    assert found.over == "images"
    assert 0.85 < found.low <= found.balanced_accuracy <= found.high <= 1
    assert found.auc > 0.95
    assert noise.low < 0.5 < noise.high


def test_what_only_marks_the_image_tells_nothing():
    """Each image is brighter or darker as a whole, and has one class mostly: held out by image that helps nobody."""
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(10), 12)
    is_a = rng.random(120) < 0.5
    brightness = rng.normal(size=10)[groups][:, None] * 9
    assert separate(brightness, is_a, groups.astype(str)).balanced_accuracy < 0.65


def test_few_images_hold_out_cells_and_few_cells_nothing():
    assert separate(*cells(n_images=2)).over == "cells"
    assert separate(*cells(n_images=1, per_image=8)) is None
    features, is_a, groups = cells()
    assert separate(np.full_like(features, np.nan), is_a, groups) is None
    assert separate(features, np.ones(len(groups), bool), groups) is None


def test_missing_numbers_are_no_error_and_no_hint():
    features, is_a, groups = cells()
    features[::7] = np.nan
    assert separate(features, is_a, groups).balanced_accuracy > 0.8


@pytest.mark.parametrize("n_images", [1, 8])
def test_rank_correlation_is_spearmans_with_its_interval(n_images):
    from scipy.stats import spearmanr

    rng = np.random.default_rng(2)
    x = rng.normal(size=80)
    y = np.exp(x) + rng.normal(0, 0.5, 80)
    groups = np.repeat(np.arange(n_images), 80 // n_images).astype(str)
    found = rank_correlation(x, y, groups)
    assert found.value == pytest.approx(spearmanr(x, y).statistic)
    assert found.low < found.value < found.high
    assert found.over == ("images" if n_images > 1 else "cells")
    assert rank_correlation(x, np.zeros(80), groups) is None
    assert rank_correlation(np.full(80, np.nan), y, groups) is None
