"""Each channel by itself: no stain is averaged away, any number of channels, and the same heads, maps and files."""

import numpy as np
import pandas as pd
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.cli import main
from cellapp.encoders.channelwise import Channelwise
from cellapp.encoders.crop_to_rgb import encoder_input
from cellapp.errors import InputError, ModelError
from cellapp.explanation import methods
from cellapp.settings import FeatureSettings, VectorSettings
from cellapp.types.cells import Crops, join_embeddings
from cellapp.types.image import Role
from tests.classification.heads import random_head
from tests.encoders.tiny import tiny_encoder, write_encoder
from tests.training.pictures import write_pictures

EACH = FeatureSettings(channels_as="each")
ROLES = {"DAPI": Role.NUCLEUS, "actin": Role.CYTOPLASM, "lamin": Role.OTHER, "tubulin": Role.OTHER}


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return tiny_encoder(tmp_path_factory.mktemp("each"))


def crops_of(channels, n=2, seed=0):
    rng = np.random.default_rng(seed)
    pixels = [rng.random((len(channels), 20, 20)).astype(np.float32) for _ in range(n)]
    return Crops(pixels, np.arange(n, dtype=np.int32), tuple(channels))


def planes_of(crops):
    return encoder_input(crops, [ROLES[name] for name in crops.channels], 32, "each")


@settings(max_examples=15, deadline=None)
@given(st.permutations(sorted(ROLES)), st.integers(1, 4))
def test_the_order_of_channels_in_a_file_does_not_matter(order, n_channels):
    names = sorted(sorted(ROLES)[:n_channels], key=order.index)
    crops = crops_of(sorted(ROLES)[:n_channels])
    rows = [crops.channels.index(name) for name in names]
    other = Crops([pixels[rows] for pixels in crops.pixels], crops.cell_ids, tuple(names))
    np.testing.assert_array_equal(planes_of(crops), planes_of(other))
    assert planes_of(crops).shape == (2, n_channels, 32, 32)


def test_vectors_are_those_of_the_encoder_on_each_channel_joined(encoder):
    planes, ids = planes_of(crops_of(ROLES)), np.arange(2)
    joined = encoder.reading(EACH).embed(planes, ids, patches=True)
    parts = [encoder.embed(np.repeat(planes[:, k : k + 1], 3, axis=1), ids, patches=True) for k in range(4)]
    assert joined.cls.shape == (2, 64)
    for name in ("cls", "mean_patch", "patches"):
        np.testing.assert_array_equal(getattr(joined, name), np.concatenate([getattr(p, name) for p in parts], -1))
    assert joined.encoder == encoder.identity


def test_a_single_channel_has_the_vector_it_has_by_its_role(encoder):
    crops = crops_of(["DAPI"])
    by_role = encoder.embed(encoder_input(crops, [Role.NUCLEUS], 32), crops.cell_ids)
    each = encoder.reading(EACH).embed(planes_of(crops), crops.cell_ids)
    np.testing.assert_array_equal(by_role.features, each.features)


@pytest.mark.parametrize("method", methods.METHODS)
def test_maps_add_up_to_the_logit_and_are_the_sum_of_those_of_the_channels(encoder, method):
    planes, reader = planes_of(crops_of(ROLES)), encoder.reading(EACH)
    head = random_head(4 * encoder.dim, encoder=encoder.identity, reads=EACH)
    found = methods.explain(reader, head, planes, np.arange(2), method=method)
    weight, bias = head.contrast("cancer")
    np.testing.assert_allclose(found.logits, reader.embed(planes, np.arange(2)).features @ weight + bias, rtol=1e-3)
    np.testing.assert_allclose(found.maps.sum((1, 2)) + found.rest, found.logits, rtol=1e-4)
    total = np.zeros_like(found.maps)
    for k in range(4):
        rows = np.r_[k * 16 : k * 16 + 16, 64 + k * 16 : 64 + k * 16 + 16]
        parts = {name: getattr(head, name)[..., rows] for name in ("weight", "mean", "std")}
        alone = random_head(encoder.dim, encoder=encoder.identity, **parts)
        repeated = np.repeat(planes[:, k : k + 1], 3, axis=1)
        total += methods.explain(encoder, alone, repeated, np.arange(2), method=method).maps
    np.testing.assert_allclose(found.maps, total, rtol=1e-3, atol=1e-5)


def test_maps_of_another_number_of_channels_are_refused(encoder):
    planes, head = planes_of(crops_of(list(ROLES)[:3])), random_head(64, encoder=encoder.identity, reads=EACH)
    with pytest.raises(ModelError, match="reads 4 channels"):
        methods.explain(encoder, head, planes, np.arange(2), method="gradcam")


def test_another_number_of_channels_is_refused_in_a_sentence(encoder):
    reader = encoder.reading(EACH)
    assert isinstance(reader, Channelwise)
    three, four = (reader.embed(planes_of(crops_of(list(ROLES)[:n])), np.arange(2)) for n in (3, 4))
    with pytest.raises(ModelError, match="another number of channels"):
        random_head(4 * encoder.dim, encoder=encoder.identity, reads=EACH).check(three)
    with pytest.raises(InputError, match="the same number of channels"):
        join_embeddings([three, four])
    with pytest.raises(InputError, match="cells, channels"):
        reader.embed(np.zeros((2, 0, 32, 32), np.float32), np.arange(2))


def test_settings_of_before_keep_their_keys():
    assert "channels_as" not in VectorSettings().model_dump_json()
    chosen = VectorSettings(reads=EACH)
    assert chosen.key != VectorSettings().key
    assert VectorSettings.model_validate_json(chosen.model_dump_json()) == chosen


@pytest.mark.slow
def test_heads_of_both_kinds_are_compared_on_held_out_groups(tmp_path, capsys):
    pictures, encoder = write_pictures(tmp_path / "cells", n_groups=8), write_encoder(tmp_path / "encoder")
    options = ["--encoder", str(encoder), "--views", "1", "--folds", "2"]
    for how in ("roles", "each"):
        assert main(["train", str(pictures), "--out", str(tmp_path / how), "--channels-as", how, *options]) == 0
    assert main(["compare", str(tmp_path / "each"), str(tmp_path / "roles")]) == 0
    assert "each" in capsys.readouterr().out
    assert main(["predict", str(pictures), "--head", str(tmp_path / "each"), "--out", str(tmp_path / "p.csv")]) == 0
    calls = pd.read_csv(tmp_path / "p.csv")
    assert (calls["label"] == [file.split("/")[0] for file in calls["file"]]).mean() > 0.8
    assert main(["train", str(pictures), "--out", str(tmp_path / "no"), "--channels-as", "each", "--baselines"]) == 2
    assert "no baselines" in capsys.readouterr().err


@pytest.mark.slow
def test_pictures_with_other_channels_are_left_out_and_named(tmp_path, capsys):
    pictures, encoder = write_pictures(tmp_path / "cells", n_groups=4), write_encoder(tmp_path / "encoder")
    odd = pictures / "normal" / "01_3.tif"
    tifffile.imwrite(odd, np.ones((2, 40, 40), np.uint16) * np.arange(40, dtype=np.uint16), photometric="minisblack")
    options = ["--encoder", str(encoder), "--channels-as", "each"]
    assert main(["embed", str(pictures), "--out", str(tmp_path / "v.npz"), *options]) == 0
    assert "it has 2 channels and others have 3" in capsys.readouterr().err
    assert np.load(tmp_path / "v.npz")["cls"].shape == (15, 48)
    assert main(["train", str(pictures), "--out", str(tmp_path / "h"), "--views", "1", *options]) == 0
    assert "it has 2 channels and others have 3" in capsys.readouterr().err
