"""What is loaded is what the pipeline asks for."""

import numpy as np
import pytest

from cellapp.models.load import load_model
from cellapp.segmentation.classical import Classical
from cellapp.settings import FeatureSettings, SegmentSettings
from cellapp.types.image import Role
from cellapp.types.protocols import Encoder, Segmenter
from tests.encoders.tiny import tiny_encoder


@pytest.mark.parametrize("name", ["classical", "compact", "foreground"])
def test_segmenters_give_flows_and_masks(name):
    model = load_model(name)
    assert isinstance(model, Segmenter)
    assert not isinstance(model, Encoder)
    settings = SegmentSettings(segmenter=name, diameter=20)
    labels = model.masks(model.flows(np.zeros((1, 48, 64), np.float32), [Role.NUCLEUS], settings), settings)
    assert labels.shape == (48, 64)
    assert labels.dtype == np.int32
    assert not labels.any()


def test_an_encoder_gives_a_vector_per_crop_and_its_other_readings_are_encoders(tmp_path):
    encoder = tiny_encoder(tmp_path)
    assert isinstance(encoder, Encoder)
    assert not isinstance(encoder, Segmenter)
    other = encoder.reading(FeatureSettings(views=8))
    assert isinstance(other, Encoder)
    crops = np.zeros((2, 3, encoder.input_px, encoder.input_px), np.float32)
    found = other.embed(crops, np.array([4, 9]), patches=True)
    assert found.encoder == encoder.identity == f"{encoder.name}@{encoder.revision}"
    assert found.patches.shape == (2, encoder.grid[0] * encoder.grid[1], encoder.dim)
    assert found.cell_ids.tolist() == [4, 9]


def test_half_a_segmenter_is_none():
    class OnlyFlows:
        name, fast, flows = "half@1", True, Classical.flows

    assert not isinstance(OnlyFlows(), Segmenter)
