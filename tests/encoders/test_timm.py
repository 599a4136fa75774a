"""Networks of timm behave as every other encoder, whatever their architecture."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from cellapp.encoders import timm_folder
from cellapp.encoders.timm_encoder import TimmEncoder
from cellapp.errors import ModelError
from cellapp.explanation import methods
from cellapp.models.load import load_model
from cellapp.models.registry import registry
from cellapp.types.protocols import Encoder
from tests.classification.heads import random_head
from tests.encoders.tiny import write_convolutional

TINY = ("test_resnet", "test_convnext", "test_efficientnet", "test_vit")
DECLARED = sorted(model.repo.partition("/")[2] for model in registry().values() if model.adapter == "timm")


def crops(n, side=64, seed=0):
    return np.random.default_rng(seed).random((n, 3, side, side), dtype=np.float32)


@pytest.fixture(scope="module", params=TINY)
def encoder(request, tmp_path_factory):
    folder = write_convolutional(tmp_path_factory.mktemp("timm") / "own", request.param)
    return load_model(str(folder), dtype="float32")


def test_it_is_an_encoder_with_a_row_per_cell(encoder):
    assert isinstance(encoder, TimmEncoder)
    assert isinstance(encoder, Encoder)
    for n in (0, 1, 3):
        embeddings = encoder.embed(crops(n), np.arange(n), patches=True)
        assert embeddings.cls.shape == embeddings.mean_patch.shape == (n, encoder.dim)
        assert embeddings.patches.shape == (n, encoder.grid[0] * encoder.grid[1], encoder.dim)
        np.testing.assert_allclose(embeddings.patches.mean(axis=1), embeddings.mean_patch, atol=1e-5)


def test_vectors_are_those_of_the_library(encoder):
    pixels = torch.from_numpy(crops(2))
    mean, std = (torch.tensor(value)[:, None, None] for value in encoder.standard)
    with torch.no_grad():
        expected = encoder.network.backbone.forward_features((pixels - mean) / std)
    if expected.ndim == 4:
        cls, patches = expected.amax((2, 3)), expected.flatten(2).transpose(1, 2)
    else:
        cls, patches = expected[:, 0], expected[:, 1:]
    embeddings = encoder.embed(pixels.numpy(), np.arange(2), patches=True)
    np.testing.assert_allclose(embeddings.cls, cls.numpy(), atol=1e-4)
    np.testing.assert_allclose(embeddings.patches, patches.numpy(), atol=1e-4)


def test_what_is_written_reads_back_the_same_to_half_precision(encoder, tmp_path):
    encoder.write(tmp_path / "again")
    again = load_model(str(tmp_path / "again"), dtype="float32")
    first, second = (one.embed(crops(2), np.arange(2)).features for one in (encoder, again))
    np.testing.assert_allclose(first, second, atol=0.02 * np.abs(first).max())
    assert again.input_px == encoder.input_px


@pytest.mark.parametrize("n_blocks", [0, 1, 2, 10_000])
def test_its_tail_is_the_end_of_the_network(encoder, n_blocks):
    weights = [id(weight) for weight in encoder.network.parameters()]
    tail = [id(weight) for part in encoder.tail(n_blocks) for weight in part.parameters()]
    assert set(tail) == set(weights[len(weights) - len(tail) :]) or not encoder.convolutional
    assert len(tail) == 0 if n_blocks == 0 else 0 < len(tail) <= len(weights)
    if n_blocks == 10_000 and encoder.convolutional:
        assert len(tail) == len(weights)


def test_maps_in_closed_form_are_those_of_the_library(encoder):
    head = random_head(dim=encoder.dim, encoder=encoder.identity)
    exact, library = (
        methods.explain(encoder, head, crops(2), np.arange(2), method=method) for method in ("exact", "hirescam")
    )
    np.testing.assert_allclose(exact.maps, library.maps, atol=1e-3 * max(exact.limit, 1))


@pytest.mark.parametrize("name", DECLARED)
def test_every_declared_network_is_one_of_timm(name):
    """On torch's device without memory: the largest has 90 million weights."""
    with torch.device("meta"):
        network = timm_folder.make_network({"architecture": name.partition(".")[0]}, 224)
        shape = network.forward_features(torch.zeros(1, 3, 224, 224)).shape
    n_tokens = 1 + (784 if "patch8" in name else 196)
    assert shape[1:] == ((network.num_features, 7, 7) if len(shape) == 4 else (n_tokens, network.num_features))
    import timm  # after `make_network`, which lets it import beside a CPU build of torch

    assert timm.models.is_model_pretrained(name)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"architecture": "resnet_of_tomorrow"}, "timm has no network 'resnet_of_tomorrow'"),
        ({"architecture": "test_convnext"}, "is not of the network in config.json"),
        ({"pretrained_cfg": {"mean": [0.5]}}, "must give mean, std and input_size"),
        ({"model_args": {"checkpoint_path": "/etc/hosts"}}, "got \\['checkpoint_path'\\]"),
        (
            {"model_args": {"pretrained": True, "pretrained_cfg": {"url": "http://127.0.0.1:9/a"}}},
            "got \\['pretrained'",
        ),
        ({"model_args": ["pretrained"]}, "give the shape of a network by name"),
    ],
)
def test_a_folder_that_does_not_fit_is_refused_in_one_line(tmp_path, change, message):
    folder = write_convolutional(tmp_path / "own")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | change))
    with pytest.raises(ModelError, match=message) as error:
        load_model(str(folder))
    assert "\n" not in str(error.value)


def test_classifiers_in_published_weights_are_passed_over_and_damage_is_not(tmp_path):
    folder = write_convolutional(tmp_path / "own")
    before = load_model(str(folder), dtype="float32").embed(crops(1), np.arange(1)).features
    tensors = load_file(folder / "model.safetensors")
    save_file(
        tensors | {"fc.weight": torch.zeros(1000, 96), "fc.bias": torch.zeros(1000)}, folder / "model.safetensors"
    )
    after = load_model(str(folder), dtype="float32").embed(crops(1), np.arange(1)).features
    np.testing.assert_array_equal(before, after)
    (folder / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_model(str(folder))
