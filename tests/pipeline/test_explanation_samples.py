"""Cells whose explanations are measured, and where the cause is known, the cause cut as they are."""

from dataclasses import replace

import numpy as np
import pytest

from cellapp.classification.head_io import load_head, save_head
from cellapp.classification.own_encoder import OwnEncoder
from cellapp.errors import InputError
from cellapp.models.load import load_model
from cellapp.pipeline.explanation_samples import sample_pictures, sample_slides
from cellapp.pipeline.score_explanations import _planted, score_explanations
from cellapp.settings import CropMode, CropSettings, FeatureSettings, PreprocessSettings
from cellapp.synthetic.settings import SyntheticSettings
from cellapp.synthetic.write import write_demo
from tests.classification.heads import random_head
from tests.encoders.tiny import write_convolutional, write_encoder
from tests.training.pictures import write_pictures

SLIDE = SyntheticSettings(height=200, width=220, um_per_px=1.0, differ_by="nucleus", density=0.3, touching=0)


@pytest.fixture(scope="module")
def slides(tmp_path_factory):
    folder = tmp_path_factory.mktemp("slides")
    for seed in (1, 2):
        write_demo(folder / str(seed), SLIDE.model_copy(update={"seed": seed}))
    return folder


def head_on(folder, **changes):
    encoder = load_model(str(folder), "cpu", "float32")
    crop = CropSettings(mode=CropMode.LETTERBOXED, size_px=40)
    return random_head(encoder.dim, encoder=encoder.identity, crop=crop, **changes)


def test_the_cause_lies_where_its_channel_is_bright(slides, tmp_path):
    sample = sample_slides(slides, head_on(write_encoder(tmp_path), preprocess=PreprocessSettings()), 9)
    assert len(sample.crops) == len(sample.cause) == 9
    blue = sample.crops[:, 2].reshape(9, 4, 8, 4, 8).mean(axis=(2, 4))
    for one, cause in zip(blue, sample.cause, strict=True):
        assert 0 < cause.max() <= 1
        assert one[cause > 0.3].min() > one[cause == 0].mean()


def test_slides_without_a_cause_or_a_whole_cell_are_refused(tmp_path, slides):
    head = head_on(write_encoder(tmp_path / "encoder"))
    with pytest.raises(InputError, match="differ-by"):
        sample_slides(tmp_path, head, 4)
    write_demo(tmp_path / "tiny", SLIDE.model_copy(update={"height": 24, "width": 24}))
    with pytest.raises(InputError, match="no whole cell"):
        sample_slides(tmp_path, head, 4)


@pytest.mark.parametrize("kind", ["each", "convolutional", "own encoder"])
def test_heads_of_every_kind_are_measured(slides, tmp_path, kind):
    write = write_convolutional if kind == "convolutional" else write_encoder
    head = head_on(write(tmp_path / "encoder"))
    if kind == "each":
        reads = FeatureSettings(channels_as="each")
        head = random_head(3 * head.dim, encoder=head.encoder, crop=head.crop, reads=reads)
    if kind == "own encoder":
        own = OwnEncoder.describe(tmp_path / "encoder", input_px=32)
        save_head(replace(head, own_encoder=own), tmp_path / "head")
        head = load_head(tmp_path / "head")
    sample = sample_slides(slides, head, 4)
    told = score_explanations(sample, head, ["exact", "gradcam"])
    assert list(told["methods"]) == ["exact", "gradcam"]
    # of a linear head these are the same maps, but for the number format
    one, other = (told["methods"][name]["held"] for name in ("exact", "gradcam"))
    assert one == pytest.approx(other, abs=0.02)


def test_pictures_of_a_folder_are_taken_evenly(tmp_path):
    folder = write_pictures(tmp_path / "cells", n_groups=4)
    sample = sample_pictures(folder, head_on(write_encoder(tmp_path / "encoder")), 5)
    assert sample.crops.shape == (5, 3, 32, 32)
    assert sample.cause is None


def test_a_map_on_the_cause_is_told_from_one_beside_it():
    cause = np.zeros((5, 4, 4))
    cause[:, 1, 1:3] = 0.5
    on, beside = np.where(cause > 0, 1.0, -0.1), np.where(cause > 0, -1.0, 0.1)
    assert _planted(on, cause)["value"] == 1
    assert _planted(beside, cause)["value"] == 0
    assert _planted(np.ones_like(cause), cause)["gain"]["value"] == pytest.approx(0)
