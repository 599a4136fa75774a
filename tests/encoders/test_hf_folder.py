"""Encoder folders: what is read, refused and written."""

import hashlib
import json

import pytest
import torch

from cellapp.encoders.dino import HubEncoder
from cellapp.encoders.hf_folder import (
    CONFIG,
    FILES,
    PREPROCESSOR,
    WEIGHTS,
    local_revision,
    read_config,
    read_json,
    read_standardisation,
    write_encoder,
)
from cellapp.encoders.hf_network import blank_network
from cellapp.errors import ModelError
from tests.encoders.tiny import FAMILIES, tiny_encoder
from tests.encoders.tiny import write_encoder as write_tiny


@pytest.fixture
def folder(tmp_path):
    return write_tiny(tmp_path / "encoder")


def change(folder, **values):
    config = json.loads((folder / CONFIG).read_text()) | values
    (folder / CONFIG).write_text(json.dumps(config))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_read(family, tmp_path):
    config = read_config(write_tiny(tmp_path, family))
    assert (config["model_type"], config["hidden_size"], config["patch_size"]) == (family, 16, 8)


@pytest.mark.parametrize("key", ["patch_size", "image_size", "hidden_size"])
@pytest.mark.parametrize("value", [None, "8", 8.5, [8, 8]])
def test_sizes_must_be_whole_numbers(folder, key, value):
    change(folder, **{key: value})
    with pytest.raises(ModelError, match="patch_size, image_size and hidden_size as whole numbers"):
        read_config(folder)


def test_all_missing_files_are_named(folder):
    (folder / WEIGHTS).unlink()
    (folder / PREPROCESSOR).unlink()
    with pytest.raises(ModelError, match=f"{PREPROCESSOR}, {WEIGHTS} is missing"):
        read_config(folder)


def test_the_standardisation_is_of_three_planes(folder):
    assert read_standardisation(folder) == ((0.1, 0.2, 0.3), (0.5, 0.6, 0.7))


@pytest.mark.parametrize("content", ["{", "[1, 2]", "3"])
def test_json_that_is_no_object_is_refused(tmp_path, content):
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(ModelError, match="fetch or copy it again"):
        read_json(tmp_path / "config.json")


def test_an_absent_file_is_refused_by_name(tmp_path):
    with pytest.raises(ModelError, match=r"nothing\.json cannot be read"):
        read_json(tmp_path / "nothing.json")


def test_the_revision_is_the_digest_of_the_weights(folder):
    before = local_revision(folder)
    assert before == hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()[:12]
    change(folder, torch_dtype="float32")
    assert local_revision(folder) == before
    with (folder / WEIGHTS).open("ab") as file:
        file.write(b" ")
    assert local_revision(folder) != before


def test_a_written_encoder_can_be_loaded_and_is_half_as_large(tmp_path):
    torch.manual_seed(0)
    network = blank_network(FAMILIES["dinov2"] | {"model_type": "dinov2"})
    pixels = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        expected = network.eval()(pixels).last_hidden_state
    out = write_encoder(network, tmp_path, mean=(0.1, 0.2, 0.3), std=(1, 2, 3), side_px=32)
    assert out == tmp_path
    assert {path.name for path in out.iterdir()} >= set(FILES)
    n_weights = sum(tensor.numel() for tensor in network.state_dict().values())
    assert (out / WEIGHTS).stat().st_size < 2 * n_weights + 20_000
    encoder = HubEncoder(out, name="mine", revision="1")
    assert encoder.standard == ((0.1, 0.2, 0.3), (1.0, 2.0, 3.0))
    with torch.no_grad():
        torch.testing.assert_close(encoder.network(pixels).last_hidden_state, expected, rtol=1e-2, atol=1e-2)


def test_reading_changes_what_is_computed_and_not_the_encoder(tmp_path):
    from cellapp.settings import FeatureSettings

    encoder = tiny_encoder(tmp_path)
    other = encoder.reading(FeatureSettings(views=8))
    assert other.network is encoder.network
    assert other.identity == encoder.identity
    assert (encoder.reads.views, other.reads.views) == (FeatureSettings().views, 8)
