"""Maps add up to the logit, whichever way they are made."""

import numpy as np
import pytest

from benchmarks.hirescam import library_maps, scaled_like_library
from cellapp.cells.crop_features import MEASURED
from cellapp.classification.predict import predict
from cellapp.errors import InputError, ModelError
from cellapp.explanation.hirescam import attribute
from cellapp.explanation.methods import explain
from cellapp.settings import FeatureSettings
from tests.classification.heads import random_embeddings, random_head
from tests.encoders.tiny import FAMILIES, tiny_encoder


def crops(n, side=32):
    return np.random.default_rng(3).random((n, 3, side, side), dtype=np.float32)


@pytest.fixture(scope="module", params=sorted(FAMILIES))
def encoder(request, tmp_path_factory):
    return tiny_encoder(tmp_path_factory.mktemp(request.param), request.param)


@pytest.fixture
def head(encoder):
    return random_head(16, encoder=encoder.identity)


def log_odds(head, embeddings):
    p = predict(head, embeddings).probabilities[:, 0]
    return np.log(p / (1 - p))


@pytest.mark.parametrize("n", [0, 1, 4])
def test_attribution_adds_up_to_the_log_odds(n):
    head, embeddings = random_head(), random_embeddings(n, grid=(3, 5))
    explanations = attribute(head, embeddings)
    assert explanations.maps.shape == (n, 3, 5)
    np.testing.assert_allclose(explanations.maps.sum(axis=(1, 2)) + explanations.rest, explanations.logits, atol=1e-4)
    np.testing.assert_allclose(explanations.logits, log_odds(head, embeddings), rtol=1e-4, atol=1e-4)


def test_a_patch_matters_only_where_it_is():
    embeddings = random_embeddings(1, grid=(3, 5))
    before = attribute(random_head(), embeddings).maps
    embeddings.patches[0, 7] += 1
    changed = attribute(random_head(), embeddings).maps != before
    assert changed.sum() == 1
    assert changed[0, 1, 2]


@pytest.mark.parametrize("n", [0, 1, 70])
def test_hirescam_adds_up_to_the_log_odds(encoder, head, n):
    ids = np.arange(5, 5 + n, dtype=np.int32)
    explanations = explain(encoder, head, crops(n), ids)
    assert explanations.maps.shape == (n, *encoder.grid)
    np.testing.assert_allclose(explanations.maps.sum(axis=(1, 2)) + explanations.rest, explanations.logits, atol=1e-3)
    expected = log_odds(head, encoder.embed(crops(n), ids))
    np.testing.assert_allclose(explanations.logits, expected, rtol=1e-3, atol=1e-3)
    np.testing.assert_array_equal(explanations.cell_ids, ids)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-4), ("bfloat16", 0.1)])
@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_maps_are_those_of_the_library(tmp_path, family, dtype, tolerance):
    encoder = tiny_encoder(tmp_path, family, dtype=dtype)
    head = random_head(16, encoder=encoder.identity)
    ours = scaled_like_library(explain(encoder, head, crops(4), np.arange(4)).maps, 32)
    np.testing.assert_allclose(ours, library_maps(encoder, head, crops(4)), atol=tolerance)


def test_logits_are_those_the_calls_were_made_with(tmp_path):
    encoder = tiny_encoder(tmp_path, dtype="bfloat16")
    head = random_head(16, encoder=encoder.identity)
    called = encoder.embed(crops(9), np.arange(9))
    np.testing.assert_allclose(explain(encoder, head, crops(9), np.arange(9)).logits, log_odds(head, called), atol=1e-3)


def test_maps_are_signed_and_opposite_for_two_classes(encoder, head):
    towards, against = (explain(encoder, head, crops(3), np.arange(3), name).maps for name in head.classes)
    assert min(towards.min(), against.min()) < 0 < max(towards.max(), against.max())
    np.testing.assert_allclose(towards, -against, atol=1e-4)


def test_patches_are_needed():
    with pytest.raises(InputError, match="patches=True"):
        attribute(random_head(), random_embeddings())


def test_a_head_of_another_encoder_is_refused(encoder):
    with pytest.raises(ModelError, match="tiny@1"):
        explain(encoder, random_head(16), crops(1), np.arange(1))
    with pytest.raises(ModelError):
        attribute(random_head(encoder="other@1"), random_embeddings(grid=(2, 2)))


def test_an_unknown_class_is_refused(encoder, head):
    with pytest.raises(InputError, match="'stroma'"):
        explain(encoder, head, crops(1), np.arange(1), "stroma")


def test_maps_of_a_head_that_averages_views_and_reads_shapes_add_up_too(encoder):
    reads = FeatureSettings(views=8, shape=True)
    head = random_head(16, encoder=encoder.identity, n_measured=len(MEASURED), reads=reads)
    ids = np.arange(3, dtype=np.int32)
    embeddings = encoder.reading(reads).embed(crops(3), ids, patches=True)
    explanations = explain(encoder, head, crops(3), ids)
    np.testing.assert_allclose(explanations.logits, log_odds(head, embeddings), rtol=1e-3, atol=2e-3)
    np.testing.assert_allclose(explanations.maps.sum((1, 2)) + explanations.rest, explanations.logits, atol=1e-3)


@pytest.mark.parametrize("n", [0, 1, 17])
@pytest.mark.parametrize("reads", [FeatureSettings(), FeatureSettings(views=8, shape=True)], ids=["one", "averaged"])
def test_the_library_gives_the_maps_of_the_closed_form(encoder, reads, n):
    head = random_head(16, encoder=encoder.identity, n_measured=len(MEASURED) if reads.shape else 0, reads=reads)
    ids = np.arange(n, dtype=np.int32)
    exact, library = explain(encoder, head, crops(n), ids), explain(encoder, head, crops(n), ids, method="hirescam")
    for name in ("maps", "rest", "logits"):
        np.testing.assert_allclose(getattr(library, name), getattr(exact, name), rtol=1e-3, atol=2e-3)


def test_the_library_leaves_no_hook_behind(encoder, head):
    explain(encoder, head, crops(1), np.arange(1), method="hirescam")
    assert not encoder.norm._forward_hooks
