"""Every family of vision transformer behaves the same behind the Encoder protocol."""

import json
import threading

import numpy as np
import pytest
import torch

from cellapp.encoders.dino import HubEncoder
from cellapp.encoders.hf_folder import read_config, read_standardisation
from cellapp.encoders.hf_network import choose_attention
from cellapp.errors import InputError, ModelError
from cellapp.types.protocols import Encoder
from tests.encoders.tiny import FAMILIES, tiny_encoder, write_encoder


def crops(n, side=32, seed=0):
    return np.random.default_rng(seed).random((n, 3, side, side), dtype=np.float32)


@pytest.fixture(scope="module", params=sorted(FAMILIES))
def encoder(request, tmp_path_factory):
    return tiny_encoder(tmp_path_factory.mktemp(request.param), request.param)


@pytest.fixture(scope="module")
def registers(tmp_path_factory):
    return tiny_encoder(tmp_path_factory.mktemp("registers"))


def test_it_is_an_encoder(encoder):
    assert isinstance(encoder, Encoder)
    assert encoder.grid == (4, 4)
    assert encoder.dim == 16


@pytest.mark.parametrize("n", [0, 1, 5])
def test_one_row_per_cell(encoder, n):
    ids = np.arange(7, 7 + n, dtype=np.int32)
    embeddings = encoder.embed(crops(n), ids, patches=True)
    assert embeddings.cls.shape == embeddings.mean_patch.shape == (n, 16)
    assert embeddings.patches.shape == (n, 16, 16)
    assert embeddings.features.shape == (n, 32)
    assert embeddings.cell_ids is ids
    assert embeddings.encoder == encoder.identity
    assert encoder.embed(crops(n), ids).patches is None


def test_tokens_are_those_of_the_library(encoder):
    pixels = crops(3)
    mean, std = np.array([0.1, 0.2, 0.3]), np.array([0.5, 0.6, 0.7])
    standard = ((pixels - mean[:, None, None]) / std[:, None, None]).astype(np.float32)
    with torch.no_grad():
        expected = encoder.network(torch.from_numpy(standard)).last_hidden_state.numpy()
    embeddings = encoder.embed(pixels, np.arange(3), patches=True)
    np.testing.assert_allclose(embeddings.cls, expected[:, 0], atol=1e-5)
    np.testing.assert_allclose(embeddings.patches, expected[:, -16:], atol=1e-5)


def test_mean_patch_is_the_mean_of_the_patches(encoder):
    embeddings = encoder.embed(crops(4), np.arange(4), patches=True)
    np.testing.assert_allclose(embeddings.mean_patch, embeddings.patches.mean(axis=1), atol=1e-5)


def test_patches_are_row_major_over_the_grid(encoder):
    # A change in one patch of the input moves that patch token more than any other of a network without much mixing.
    before, after = crops(1), crops(1)
    after[:, :, 8:16, 24:32] = 1 - after[:, :, 8:16, 24:32]
    moved = [encoder.embed(pixels, np.array([1]), patches=True).patches[0] for pixels in (before, after)]
    assert np.abs(moved[0] - moved[1]).sum(axis=1).argmax() == 1 * 4 + 3


def test_each_cell_is_encoded_on_its_own(encoder):
    together = encoder.embed(crops(40), np.arange(40)).features
    alone = encoder.embed(crops(40)[33:34], np.array([33])).features
    np.testing.assert_allclose(together[33:34], alone, atol=1e-5)


def test_prefix_tokens_come_from_the_config(tmp_path_factory):
    prefixes = {name: tiny_encoder(tmp_path_factory.mktemp(name), name).n_prefix for name in FAMILIES}
    assert prefixes == {"dinov2": 1, "dinov2_with_registers": 4, "dinov3_vit": 5, "vit": 1}


def test_another_input_side_moves_the_grid(encoder, tmp_path):
    larger = tiny_encoder(tmp_path, encoder.name.removeprefix("tiny-"), input_px=48)
    assert larger.grid == (6, 6)
    assert larger.embed(crops(2, 48), np.arange(2), patches=True).patches.shape == (2, 36, 16)


def test_the_network_is_read_only(registers):
    assert not registers.network.training
    assert not any(parameter.requires_grad for parameter in registers.network.parameters())


def test_bfloat16_agrees_roughly_and_returns_float32(registers, tmp_path):
    reduced = tiny_encoder(tmp_path, dtype="bfloat16")
    embeddings = reduced.embed(crops(3), np.arange(3))
    assert embeddings.cls.dtype == np.float32
    np.testing.assert_allclose(embeddings.cls, registers.embed(crops(3), np.arange(3)).cls, atol=0.15)


def test_threads_get_their_own_answers(registers):
    expected = [registers.embed(crops(2, seed=seed), np.arange(2)).features for seed in range(4)]
    found = [None] * 4

    def work(seed):
        found[seed] = registers.embed(crops(2, seed=seed), np.arange(2)).features

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    for seed in range(4):
        np.testing.assert_array_equal(found[seed], expected[seed])


def test_crops_of_another_side_are_refused(registers):
    with pytest.raises(InputError, match="32, 32"):
        registers.embed(crops(2, 40), np.arange(2))
    with pytest.raises(InputError):
        registers.embed(crops(2), np.arange(3))


def test_a_side_that_is_not_a_multiple_of_the_patch_is_refused(tmp_path):
    with pytest.raises(ModelError, match="not a multiple"):
        tiny_encoder(tmp_path, input_px=30)


@pytest.mark.parametrize("name", ["config.json", "preprocessor_config.json", "model.safetensors"])
def test_a_missing_file_is_named(tmp_path, name):
    write_encoder(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(ModelError, match=name):
        read_config(tmp_path)


def test_weights_that_can_carry_code_are_refused(tmp_path):
    write_encoder(tmp_path)
    (tmp_path / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(ModelError, match="can carry code"):
        HubEncoder(tmp_path, name="x", revision="1")


def test_another_family_is_refused(tmp_path):
    write_encoder(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text()) | {"model_type": "resnet"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="'resnet'"):
        read_config(tmp_path)


def test_weights_of_another_depth_are_refused(tmp_path):
    write_encoder(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text()) | {"num_hidden_layers": 3}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="lacks"):
        HubEncoder(tmp_path, name="x", revision="1")


def test_damaged_weights_are_refused(tmp_path):
    write_encoder(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"not tensors")
    with pytest.raises(ModelError, match="cannot be loaded"):
        HubEncoder(tmp_path, name="x", revision="1")


@pytest.mark.parametrize(
    "content", ["[]", "{", '{"image_mean": [0.5]}', '{"image_mean": [0,0,0], "image_std": [0,1,1]}']
)
def test_unusable_standardisation_is_refused(tmp_path, content):
    write_encoder(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(content)
    with pytest.raises(ModelError, match=r"preprocessor_config\.json"):
        read_standardisation(tmp_path)


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_attention_by_matrix_products_changes_nothing_but_rounding(family, tmp_path):
    encoder = tiny_encoder(tmp_path, family)
    fused = encoder.embed(crops(3), np.arange(3)).features
    choose_attention(encoder.network, "cpu", "bfloat16")
    assert encoder.network.config._attn_implementation == "eager"
    np.testing.assert_allclose(encoder.embed(crops(3), np.arange(3)).features, fused, atol=1e-4)


@pytest.mark.parametrize(("device", "dtype"), [("cpu", "float32"), ("cuda", "bfloat16")])
def test_elsewhere_the_fused_kernel_stays(device, dtype, tmp_path):
    encoder = tiny_encoder(tmp_path)
    before = encoder.network.config._attn_implementation
    choose_attention(encoder.network, device, dtype)
    assert encoder.network.config._attn_implementation == before != "eager"
