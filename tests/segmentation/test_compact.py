"""The segmenter around the flow network: tiles, sizes it finds, and the weights that ship."""

import json

import numpy as np
import pytest
import torch

from cellapp.config import REPOSITORY
from cellapp.errors import ModelError
from cellapp.segmentation.cellpose import CellposeFlows
from cellapp.segmentation.compact import CompactSegmenter
from cellapp.segmentation.diameter import CellSize, resolve_size
from cellapp.segmentation.flow_unet import FlowNetwork, NetworkSettings
from cellapp.segmentation.flow_unet_io import save_network
from cellapp.segmentation.metrics import score_labels
from cellapp.segmentation.run_segmenter import segment
from cellapp.settings import SegmentSettings
from cellapp.synthetic.field import render_field
from cellapp.synthetic.settings import SyntheticSettings
from cellapp.types.image import Role
from cellapp.types.protocols import Segmenter
from tests.segmentation.phantoms import glowing, grid_of_discs

pytestmark = pytest.mark.slow

SHIPPED = REPOSITORY / "models" / "compact"
NUCLEI = (Role.NUCLEUS,)
FLOW_GAIN = 5  # the maps hold five times the unit vector
AUTOMATIC = SegmentSettings(segmenter="compact")


@pytest.fixture(scope="module")
def untrained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("network")
    torch.manual_seed(0)
    save_network(FlowNetwork(NetworkSettings(widths=(4, 8, 12), blocks=1)), folder)
    return CompactSegmenter(folder, name="untrained")


@pytest.fixture(scope="module")
def shipped():
    return CompactSegmenter(SHIPPED)


def test_it_is_a_segmenter_named_by_its_weights(untrained, tmp_path):
    torch.manual_seed(1)
    save_network(FlowNetwork(NetworkSettings(widths=(4, 8, 12), blocks=1)), tmp_path)
    assert isinstance(untrained, Segmenter)
    assert untrained.fast
    assert "untrained-" in untrained.name
    assert CompactSegmenter(tmp_path, name="untrained").name != untrained.name


def test_a_folder_without_weights_is_refused(tmp_path):
    with pytest.raises(ModelError, match=str(tmp_path)):
        CompactSegmenter(tmp_path)


@pytest.mark.parametrize("shape", [(1, 1), (5, 300), (40, 40)])
def test_any_size_of_picture_passes(untrained, shape):
    mask = segment(np.zeros((1, *shape), np.float32), NUCLEI, untrained, AUTOMATIC)
    assert mask.labels.shape == shape


def test_tiles_equal_the_whole(shipped):
    """Cellpose blends overlapping tiles; the network on the whole picture must find the same cells."""
    pixels, settings = glowing(grid_of_discs(15, n=10)), SegmentSettings(diameter=30)
    assert min(pixels.shape[1:]) > 256
    tiled = shipped.flows(pixels, NUCLEI, settings)
    maps = shipped._network(torch.from_numpy(pixels)[None])[0][0].numpy()
    whole = CellposeFlows(maps[:2], maps[2], 30.0)
    assert np.abs(tiled.flow - whole.flow).mean() < 0.06 * FLOW_GAIN
    assert ((tiled.probability > 0) == (whole.probability > 0)).mean() > 0.98
    assert score_labels(shipped.masks(tiled, settings), shipped.masks(whole, settings)).ap75 > 0.97


@pytest.mark.parametrize("radius_px", [5, 8, 15, 30, 50])
def test_the_diameter_is_found(shipped, radius_px):
    pixels = glowing(grid_of_discs(radius_px, n=4 if radius_px > 8 else 10))
    assert shipped.estimate_size(pixels, NUCLEI).diameter_px == pytest.approx(2 * radius_px, rel=0.35)


@pytest.mark.parametrize("radius_px", [5, 15, 50])
def test_discs_of_any_size_are_found_without_a_diameter(shipped, radius_px):
    truth = grid_of_discs(radius_px, n=4)
    found = segment(glowing(truth), NUCLEI, shipped, AUTOMATIC)
    assert score_labels(found.labels, truth).ap50 > 0.9


def test_the_network_is_asked_only_where_the_diameter_is_open(shipped):
    pixels = glowing(grid_of_discs(15))
    fixed = SegmentSettings(diameter=44)
    assert resolve_size(fixed, None, pixels, NUCLEI, segmenter=shipped) == CellSize(44)
    found = resolve_size(AUTOMATIC, None, pixels, NUCLEI, segmenter=shipped)
    assert found == shipped.estimate_size(pixels, NUCLEI)
    assert shipped.flows(pixels, NUCLEI, AUTOMATIC).diameter_px == found.diameter_px


@pytest.mark.parametrize("pixels", [np.zeros((1, 200, 200)), np.full((1, 200, 200), 0.5)], ids=["black", "gray"])
def test_an_empty_picture_holds_no_cells(shipped, pixels):
    assert segment(pixels.astype(np.float32), NUCLEI, shipped, AUTOMATIC).labels.max() == 0


def test_noise_stretched_to_full_contrast_holds_no_cells(shipped):
    noise = np.random.default_rng(0).normal(0.5, 0.15, (1, 200, 200)).clip(0, 1).astype(np.float32)
    for settings in (AUTOMATIC, SegmentSettings(diameter=25)):
        assert segment(noise, NUCLEI, shipped, settings).labels.max() == 0


@pytest.mark.parametrize("seed", [1, 2])
def test_a_slide_without_cells_has_none(shipped, seed):
    pixels, _, _ = render_field(SyntheticSettings(height=192, width=192, seed=seed, density=0.0))
    low, high = (pixels.min(axis=(1, 2), keepdims=True), pixels.max(axis=(1, 2), keepdims=True))
    planes = ((pixels - low) / (high - low)).astype(np.float32)
    assert segment(planes, (Role.CYTOPLASM, Role.OTHER, Role.NUCLEUS), shipped, AUTOMATIC).labels.max() == 0


def test_the_card_tells_the_measured_figures():
    figures = json.loads((SHIPPED / "metrics.json").read_text())
    card = (SHIPPED / "card.md").read_text()
    for row in figures["kinds"].values():
        for who in ("segmenter", "classical"):
            assert f"{row[who]['ap50']['mean']:.3f}" in card
    assert "not for diagnosis" in card.lower()
