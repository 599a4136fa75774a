"""DINOv2 without transformers computes what transformers computes."""

import sys

import numpy as np
import pytest
import torch

from cellapp.compute import torchvision_shim
from cellapp.encoders.dino import HubEncoder
from cellapp.encoders.dinov2_network import Dinov2Network, is_covered
from cellapp.encoders.hf_folder import WEIGHTS, read_config
from cellapp.errors import ModelError
from cellapp.models.registry import model_folder
from tests.encoders.tiny import tiny_encoder, write_encoder

FAMILIES = ("dinov2", "dinov2_with_registers")


def of_library(folder):
    torchvision_shim.install()
    from transformers import AutoModel

    return AutoModel.from_pretrained(folder, dtype=torch.float32).eval()


@pytest.fixture(scope="module", params=FAMILIES)
def both(request, tmp_path_factory):
    folder = write_encoder(tmp_path_factory.mktemp(request.param), request.param)
    return Dinov2Network.read(folder, read_config(folder))[0].eval(), of_library(folder)


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("shape", [(32, 32), (48, 48), (16, 40)])
def test_tokens_are_those_of_transformers(both, attention, shape):
    pixels = torch.randn(3, 3, *shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        for network in both:
            network.set_attn_implementation(attention)
        ours, theirs = (network(pixels).last_hidden_state for network in both)
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_masked_patches_and_gradients_are_those_of_transformers(both):
    generator = torch.Generator().manual_seed(1)
    pixels, masked = torch.randn(2, 3, 32, 32, generator=generator), torch.rand(2, 16, generator=generator) < 0.5
    gradients = []
    for network in both:
        at = pixels.clone().requires_grad_(True)
        network(at, bool_masked_pos=masked).last_hidden_state.square().sum().backward()
        gradients.append(at.grad)
    np.testing.assert_allclose(*gradients, rtol=1e-4, atol=1e-4)


def test_what_is_written_is_read_by_both(both, tmp_path):
    ours, theirs = both
    ours.save_pretrained(tmp_path / "ours")
    theirs.save_pretrained(tmp_path / "theirs")
    pixels = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        expected = theirs(pixels).last_hidden_state
        for folder in (tmp_path / "ours", tmp_path / "theirs"):
            again = Dinov2Network.read(folder, read_config_alone(folder))[0]
            np.testing.assert_allclose(of_library(folder)(pixels).last_hidden_state, expected, atol=1e-5)
            np.testing.assert_allclose(again(pixels).last_hidden_state, expected, atol=1e-5)


def read_config_alone(folder):
    (folder / "preprocessor_config.json").write_text("{}")
    return read_config(folder)


def test_names_may_begin_with_the_family(both, tmp_path):
    from safetensors.torch import save_file

    tensors = both[0].state_dict()
    config = both[0].config.to_dict()
    save_file({f"{config['model_type']}.{name}": tensor for name, tensor in tensors.items()}, tmp_path / WEIGHTS)
    assert Dinov2Network.read(tmp_path, config)[1] == []


@pytest.mark.parametrize(
    "other", [{"model_type": "vit"}, {"use_swiglu_ffn": True}, {"hidden_act": "relu"}, {"drop_path_rate": 0.1}]
)
def test_what_is_not_covered_is_left_to_transformers(other, tmp_path):
    assert is_covered({"model_type": "dinov2"})
    assert not is_covered({"model_type": "dinov2"} | other)


def test_gated_networks_run_by_transformers(tmp_path):
    folder = write_encoder(tmp_path, "dinov2", use_swiglu_ffn=True)
    encoder = HubEncoder(folder, name="gated", revision="1")
    assert not isinstance(encoder.network, Dinov2Network)
    assert encoder.embed(np.zeros((1, 3, 32, 32), np.float32), np.arange(1)).cls.shape == (1, 16)


def test_weights_of_other_shapes_and_missing_ones_are_named(tmp_path):
    from safetensors.torch import load_file, save_file

    encoder = tiny_encoder(tmp_path)
    tensors = load_file(tmp_path / WEIGHTS)
    save_file(tensors | {"layernorm.weight": torch.zeros(3)}, tmp_path / WEIGHTS)
    with pytest.raises(ModelError, match="layernorm"):
        HubEncoder(tmp_path, name=encoder.name, revision="1")
    del tensors["layernorm.weight"]
    save_file(tensors, tmp_path / WEIGHTS)
    with pytest.raises(ModelError, match=r"lacks 1 tensors .* layernorm\.weight"):
        HubEncoder(tmp_path, name=encoder.name, revision="1")


def test_the_encoder_that_ships_loads_without_transformers(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)  # importing it fails
    encoder = HubEncoder(model_folder("cell-vit"), name="cell-vit", revision="1")
    assert isinstance(encoder.network, Dinov2Network)
