"""Two networks behind one name: which one segments a slide, and what it costs where the second is not needed."""

import json

import numpy as np
import pytest
import torch

from cellapp.errors import ModelError
from cellapp.models.bundle import RunModels
from cellapp.pipeline.context import make_context
from cellapp.pipeline.provenance import provenance
from cellapp.pipeline.segment_slide import segment_image
from cellapp.segmentation.compact_pair import CHOICE, CompactPair
from cellapp.segmentation.contrast import COLOUR_STATISTICS, GRAY_STATISTICS
from cellapp.segmentation.flow_unet import FlowNetwork, NetworkSettings
from cellapp.segmentation.flow_unet_io import WEIGHTS, save_network
from cellapp.segmentation.network_choice import segmenter_for, why_other
from cellapp.segmentation.preview import preview_flows
from cellapp.settings import AnalyseSettings
from cellapp.types.image import Region, Role
from cellapp.types.protocols import Segmenter, SegmenterChoice
from tests.cells.toy import slide_of
from tests.segmentation.phantoms import discs

SETTINGS = AnalyseSettings.model_validate({"segment": {"diameter": 30}})


def rule(statistics, by, intercept):
    n = len(statistics)
    return {"mean": [0] * n, "scale": [1] * n, "weights": [10.0 * (one == by) for one in statistics],
            "intercept": intercept}  # fmt: skip


@pytest.fixture
def folders(tmp_path):
    """Two networks of random weights; gray slides with a bright background are for the second."""
    for seed, name in enumerate(("first", "second")):
        torch.manual_seed(seed)
        (tmp_path / name).mkdir()
        save_network(FlowNetwork(NetworkSettings(widths=(4, 8), blocks=1)), tmp_path / name)
    rules = {"gray": rule(GRAY_STATISTICS, "background", -5.0), "colour": rule(COLOUR_STATISTICS, "red", 0.0)}
    (tmp_path / "second" / CHOICE).write_text(json.dumps(rules))
    return tmp_path / "first", tmp_path / "second"


@pytest.fixture
def pair(folders):
    return CompactPair(*folders, name="pair")


TRUTH = discs((120, 140), [(40, 40), (80, 100)], 18) > 0
SHADOW = np.roll(TRUTH, 9, axis=1) & ~TRUTH
RELIEF = (150 - 90 * TRUTH + 50 * SHADOW + np.random.default_rng(0).integers(0, 4, TRUTH.shape)).astype(np.uint8)[None]
STAINED, UNSTAINED = slide_of(255 - RELIEF, ("channel 1",)), slide_of(RELIEF, ("channel 1",))


def test_the_slide_decides(pair):
    assert isinstance(pair, Segmenter)
    assert isinstance(pair, SegmenterChoice)
    assert pair.for_slide(STAINED, (Role.OTHER,)) is pair
    assert pair.for_slide(UNSTAINED, (Role.OTHER,)) is pair.second
    assert pair.second.name != pair.name
    assert not isinstance(pair.second, SegmenterChoice)
    assert segmenter_for(pair.second, UNSTAINED, (Role.OTHER,)) is pair.second


def test_where_a_stain_is_known_the_first_does_it(pair):
    assert pair.for_slide(UNSTAINED, (Role.NUCLEUS,)) is pair


def test_the_second_is_not_loaded_before_it_is_needed(folders):
    (folders[1] / WEIGHTS).unlink()
    pair = CompactPair(*folders)
    assert "without stain" not in segment_image(STAINED, pair, SETTINGS).note
    with pytest.raises(ModelError):
        segment_image(UNSTAINED, pair, SETTINGS)


def test_a_run_names_the_network_that_did_it_and_says_why(pair):
    for slide, chosen in ((STAINED, pair), (UNSTAINED, pair.second)):
        mask = segment_image(slide, pair, SETTINGS)
        assert mask.segmenter == chosen.name
        assert ("without stain" in mask.note) == (chosen is not pair)
        assert provenance(make_context(slide, None, RunModels(pair), SETTINGS), {})["segmenter"] == chosen.name
        alone = segment_image(slide, chosen, SETTINGS)
        assert np.array_equal(mask.labels, alone.labels)


def test_tiles_go_to_the_network_of_the_whole(pair):
    """Also a tile without a cell, which by itself would go to the other one."""
    slide = slide_of(np.concatenate([RELIEF, RELIEF, np.full_like(RELIEF, 151)], axis=2), ("channel 1",))
    small = SETTINGS.segment.model_copy(update={"tile_px": 256})
    tiled = segment_image(slide, pair, SETTINGS.model_copy(update={"segment": small}))
    assert tiled.segmenter == segment_image(slide, pair, SETTINGS).segmenter == pair.second.name


def test_a_preview_is_made_by_the_network_of_the_run(pair):
    region = Region(0, 0, 64, 64)
    for slide, other in ((STAINED, pair), (UNSTAINED, pair.second)):
        shown, alone = (preview_flows(slide, region, one, SETTINGS) for one in (pair, other))
        assert np.array_equal(shown.flows.flow, preview_flows(slide, region, other, SETTINGS).flows.flow)
        assert shown.picked == why_other(pair, other)
        assert alone.picked == ""
