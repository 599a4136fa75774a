"""The packed copy of a network computes what the network computes, whatever the batch, and follows its weights."""

from copy import deepcopy

import numpy as np
import pytest
import torch

from cellapp.encoders.dino import HubEncoder
from cellapp.encoders.dinov2_network import Dinov2Network
from cellapp.encoders.hf_folder import read_config
from cellapp.encoders.packed_network import Packing, is_packable
from tests.encoders.tiny import tiny_encoder, write_encoder

FAMILIES = ("dinov2", "dinov2_with_registers")
needs_onednn = pytest.mark.skipif(not is_packable("cpu", "float32"), reason="torch here has no packed products")
needs_bfloat16 = pytest.mark.skipif(not is_packable("cpu", "bfloat16"), reason="this processor has no bfloat16")
AS_THEY_ARE = ((0.0,) * 3, (1.0,) * 3)  # mean and deviation of pixels that are standardised already
LONG = (96, 112)  # more tokens than softmax is taken for
DTYPES = [pytest.param("float32", marks=needs_onednn), pytest.param("bfloat16", marks=needs_bfloat16)]


@pytest.fixture(params=FAMILIES)
def network(request, tmp_path):
    folder = write_encoder(tmp_path, request.param, layerscale_value=0.5)
    return Dinov2Network.read(folder, read_config(folder))[0].eval().requires_grad_(False)


def pictures(n, shape=(32, 32)):
    return torch.randn(n, 3, *shape, generator=torch.Generator().manual_seed(0))


def packed_tokens(network, pixels, dtype="float32"):
    with torch.inference_mode():
        return Packing(dtype, AS_THEY_ARE).of(network)(pixels)


def tokens(network, pixels):
    with torch.inference_mode():
        return network(pixels).last_hidden_state


@needs_onednn
@pytest.mark.parametrize("shape", [(32, 32), (48, 48), (16, 40), LONG])
def test_tokens_are_those_of_the_network(network, shape):
    np.testing.assert_allclose(
        packed_tokens(network, pictures(3, shape)), tokens(network, pictures(3, shape)), atol=2e-5
    )


@needs_onednn
def test_pixels_are_standardised_by_the_weights(network):
    standard = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    mean, deviation = (torch.tensor(values).view(3, 1, 1) for values in standard)
    with torch.inference_mode():
        ours = Packing("float32", standard).of(network)(pictures(3))
    np.testing.assert_allclose(ours, tokens(network, (pictures(3) - mean) / deviation), atol=2e-5)


@needs_onednn
@pytest.mark.parametrize("factor", [200, 2000])
def test_attention_that_leaves_the_range_of_exponentials_is_that_of_the_network(network, factor):
    with torch.no_grad():
        for layer in network.encoder.layer:
            layer.attention.attention.query.bias.fill_(1).mul_(factor)
            layer.attention.attention.key.bias.fill_(1)
    np.testing.assert_allclose(packed_tokens(network, pictures(2, LONG)), tokens(network, pictures(2, LONG)), atol=2e-5)


@needs_bfloat16
@pytest.mark.parametrize("shape", [(32, 32), LONG])
def test_bfloat16_is_no_further_from_float32_than_autocast(network, shape):
    exact = tokens(network, pictures(16, shape))
    with torch.autocast("cpu", torch.bfloat16):
        usual = tokens(network, pictures(16, shape)) - exact
    ours = packed_tokens(network, pictures(16, shape), "bfloat16") - exact
    assert ours.square().mean().sqrt() < 1.2 * usual.square().mean().sqrt()


@pytest.mark.parametrize("dtype", DTYPES)
def test_tokens_depend_on_neither_batch_nor_order(network, dtype):
    order = [3, 0, 4, 1, 2]
    together = packed_tokens(network, pictures(5), dtype)
    turned = packed_tokens(network, pictures(5)[order], dtype)
    alone = torch.cat([packed_tokens(network, pictures(5)[k : k + 1], dtype) for k in range(5)])
    atol = 1e-5 if dtype == "float32" else 0.05  # a sum in another order may round to the next bfloat16
    np.testing.assert_allclose(turned, together[order], atol=atol)
    np.testing.assert_allclose(alone, together, atol=atol)


@needs_onednn
def test_weights_that_change_are_packed_again(network):
    packing = Packing("float32", AS_THEY_ARE)
    first = packing.of(network)
    assert packing.of(network) is first
    with torch.no_grad():
        network.encoder.layer[0].mlp.fc1.weight.mul_(2)
    again = packing.of(network)
    assert again is not first
    with torch.inference_mode():
        np.testing.assert_allclose(again(pictures(2)), network(pictures(2)).last_hidden_state, atol=2e-5)
    assert packing.of(deepcopy(network)) is not again


def test_hooks_see_every_pass(tmp_path):
    encoder, seen = tiny_encoder(tmp_path), []
    crops = np.random.default_rng(0).random((3, 3, 32, 32), np.float32)
    expected = encoder.embed(crops, np.arange(3)).features
    hook = encoder.norm.register_forward_hook(lambda _module, inputs, _output: seen.append(len(inputs[0])))
    np.testing.assert_allclose(encoder.embed(crops, np.arange(3)).features, expected, atol=1e-5)
    assert seen == [3]
    hook.remove()


@needs_onednn
def test_encoders_of_one_network_share_its_packed_copy(tmp_path):
    encoder = tiny_encoder(tmp_path)
    other = encoder.reading(encoder.reads)
    assert other.network is encoder.network
    assert other._packing is encoder._packing is not None


def test_elsewhere_the_network_itself_runs(tmp_path, monkeypatch):
    crops = np.random.default_rng(0).random((3, 3, 32, 32), np.float32)
    expected = tiny_encoder(tmp_path).embed(crops, np.arange(3)).features
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    plain = HubEncoder(tmp_path, name="plain", revision="1")
    assert plain._packing is None
    np.testing.assert_allclose(plain.embed(crops, np.arange(3)).features, expected, atol=1e-5)


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_only_processors_read_packed_weights(device):
    assert not is_packable(device, "float32")
    assert not is_packable(device, "bfloat16")


def test_a_torch_without_the_products_runs_the_network_itself(monkeypatch):
    monkeypatch.setattr("cellapp.encoders.packed_network._OPERATORS", ("no_such_product",))
    assert not is_packable("cpu", "float32")
