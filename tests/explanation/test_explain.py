"""Maps add up to the logit, whichever way they are made."""

import numpy as np
import pytest
import torch

from cellapp.classification.predict import predict
from cellapp.errors import InputError, ModelError
from cellapp.explanation.attribution import attribute
from cellapp.explanation.cam import explain
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


@pytest.mark.parametrize("layer", ["final", "last_block"])
@pytest.mark.parametrize("n", [0, 1, 18])
def test_hirescam_adds_up_to_the_log_odds(encoder, head, layer, n):
    ids = np.arange(5, 5 + n, dtype=np.int32)
    explanations = explain(encoder, head, crops(n), ids, layer=layer)
    assert explanations.maps.shape == (n, *encoder.grid)
    np.testing.assert_allclose(explanations.maps.sum(axis=(1, 2)) + explanations.rest, explanations.logits, atol=1e-3)
    expected = log_odds(head, encoder.embed(crops(n), ids))
    np.testing.assert_allclose(explanations.logits, expected, rtol=1e-3, atol=1e-3)
    np.testing.assert_array_equal(explanations.cell_ids, ids)


def test_at_the_final_norm_hirescam_is_the_exact_attribution(encoder, head):
    ids = np.arange(4, dtype=np.int32)
    exact = attribute(head, encoder.embed(crops(4), ids, patches=True), "normal")
    cam = explain(encoder, head, crops(4), ids, "normal", layer="final")
    np.testing.assert_allclose(cam.maps, exact.maps, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(cam.rest, exact.rest, rtol=1e-3, atol=1e-3)


def test_before_the_last_block_it_is_gradient_times_activation(encoder, head):
    kept = {}
    handle = encoder.before_last_block.register_forward_hook(lambda module, inputs, output: kept.update(tokens=output))
    pixels = torch.from_numpy(crops(2)).requires_grad_(True)
    tokens = encoder.tokens(pixels)
    handle.remove()
    weight, bias = head.contrast("cancer")
    features = torch.cat([tokens[:, 0], tokens[:, encoder.n_prefix :].mean(dim=1)], dim=1)
    logits = features @ torch.tensor(weight, dtype=torch.float32) + bias
    (gradient,) = torch.autograd.grad(logits.sum(), kept["tokens"])
    expected = (gradient * kept["tokens"]).sum(dim=2)[:, encoder.n_prefix :].reshape(2, 4, 4).detach().numpy()
    found = explain(encoder, head, crops(2), np.arange(2), layer="last_block").maps
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_maps_are_signed_and_opposite_for_two_classes(encoder, head):
    towards, against = (explain(encoder, head, crops(3), np.arange(3), name).maps for name in head.classes)
    assert min(towards.min(), against.min()) < 0 < max(towards.max(), against.max())
    np.testing.assert_allclose(towards, -against, atol=1e-4)


@pytest.mark.parametrize("fail", [False, True])
def test_no_hook_and_no_gradient_outlives_the_call(encoder, head, fail, monkeypatch):
    if fail:
        monkeypatch.setattr(type(encoder), "tokens", lambda self, pixels: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            explain(encoder, head, crops(1), np.arange(1))
    else:
        explain(encoder, head, crops(1), np.arange(1))
    assert not any(module._forward_hooks for module in encoder.network.modules())
    assert all(parameter.grad is None for parameter in encoder.network.parameters())


def test_patches_are_needed():
    with pytest.raises(InputError, match="patches=True"):
        attribute(random_head(), random_embeddings())


def test_a_head_of_another_encoder_is_refused(encoder):
    with pytest.raises(ModelError, match="tiny@1"):
        explain(encoder, random_head(16), crops(1), np.arange(1))
    with pytest.raises(ModelError):
        attribute(random_head(encoder="other@1"), random_embeddings(grid=(2, 2)))


def test_an_unknown_class_is_refused(encoder, head):
    with pytest.raises(ModelError, match="'stroma'"):
        explain(encoder, head, crops(1), np.arange(1), "stroma")
