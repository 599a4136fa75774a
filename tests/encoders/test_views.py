"""Turning and mirroring: eight different views, each undone, none preferred."""

import numpy as np
import pytest

from cellapp.encoders.views import N_VIEWS, mean_tokens, view, view_back
from cellapp.settings import FeatureSettings
from tests.encoders.tiny import tiny_encoder


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return tiny_encoder(tmp_path_factory.mktemp("tiny"))


def crops(n, side=32):
    return np.random.default_rng(5).random((n, 3, side, side), dtype=np.float32)


def test_the_views_are_eight_and_the_first_changes_nothing():
    picture = np.arange(9.0).reshape(3, 3)
    assert len({view(picture, k).tobytes() for k in range(N_VIEWS)}) == N_VIEWS
    np.testing.assert_array_equal(view(picture, 0), picture)


@pytest.mark.parametrize("number", range(N_VIEWS))
def test_every_view_is_undone(number):
    pictures = crops(2, side=5)
    np.testing.assert_array_equal(view_back(view(pictures, number), number), pictures)


def test_tokens_go_back_to_the_place_they_speak_of():
    def brightness(pictures):
        """Give one token per patch of 8 px, which knows only its own brightness, behind one that knows nothing."""
        means = pictures.mean(axis=1).reshape(len(pictures), 4, 8, 4, 8).mean(axis=(2, 4)).reshape(len(pictures), 16, 1)
        return np.concatenate([np.zeros((len(pictures), 1, 1)), means], axis=1)

    averaged = mean_tokens(brightness, crops(3), N_VIEWS, n_prefix=1, grid=(4, 4))
    np.testing.assert_allclose(averaged, brightness(crops(3)), rtol=1e-5)


@pytest.mark.parametrize("number", [1, 4, 6])
def test_a_turned_cell_has_the_same_vector(encoder, number):
    averaging = encoder.reading(FeatureSettings(views=8))
    ids = np.arange(2, dtype=np.int32)
    upright, turned = averaging.embed(crops(2), ids), averaging.embed(view(crops(2), number), ids)
    np.testing.assert_allclose(turned.features, upright.features, atol=1e-4)
    one = encoder.embed(crops(2), ids)
    assert np.abs(encoder.embed(view(crops(2), number), ids).features - one.features).max() > 1e-3
    assert (one.views, upright.views) == (1, 8)


def test_the_mean_patch_is_the_mean_of_the_patches(encoder):
    found = encoder.reading(FeatureSettings(views=8)).embed(crops(2), np.arange(2, dtype=np.int32), patches=True)
    np.testing.assert_allclose(found.patches.mean(axis=1), found.mean_patch, atol=1e-5)


@pytest.mark.parametrize("n", [0, 1])
def test_zero_and_one_cell(encoder, n):
    reads = FeatureSettings(views=8, shape=True)
    found = encoder.reading(reads).embed(crops(n), np.arange(n, dtype=np.int32))
    assert found.features.shape == (n, 2 * encoder.dim + found.measured.shape[1])
