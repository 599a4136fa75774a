"""A network of the foreground and a watershed: what it shares with the flow network, and what it finds."""

import json

import numpy as np
import pytest
import torch

from cellapp.config import REPOSITORY
from cellapp.errors import ModelError
from cellapp.models.load import load_model
from cellapp.segmentation.flow_unet import FlowNetwork, NetworkSettings
from cellapp.segmentation.flow_unet_io import CONFIG, read_network, save_network
from cellapp.segmentation.metrics import score_labels
from cellapp.segmentation.run_segmenter import segment
from cellapp.segmentation.semantic import SemanticSegmenter
from cellapp.settings import SegmentSettings
from cellapp.training.segmenter.evaluate import score_image
from cellapp.training.segmenter.labelled_image import Kind
from cellapp.training.segmenter.source_images import list_images
from cellapp.types.image import Role
from cellapp.types.protocols import Segmenter
from tests.paths import shared_data
from tests.segmentation.phantoms import discs, glowing, grid_of_discs

pytestmark = pytest.mark.slow

SHIPPED = REPOSITORY / "models" / "foreground"
NUCLEI = (Role.NUCLEUS,)
AUTOMATIC = SegmentSettings()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The bundled network with another head."""
    path = tmp_path_factory.mktemp("network") / "mine"
    path.mkdir()
    save_network(read_network(REPOSITORY / "models" / "compact").with_head("foreground"), path)
    return path


@pytest.fixture(scope="module")
def segmenter():
    """What ships."""
    return load_model("foreground", dtype="float32")


def test_a_folder_says_by_its_head_what_it_is(folder, segmenter, tmp_path):
    mine = load_model(str(folder))
    assert isinstance(mine, SemanticSegmenter)
    assert isinstance(segmenter, Segmenter)
    assert segmenter.fast
    assert mine.name.startswith("semantic:mine-")
    assert segmenter.name.startswith("semantic:foreground-")
    (tmp_path / "weights.safetensors").write_bytes(b"")
    (tmp_path / CONFIG).write_text((folder / CONFIG).read_text().replace('"foreground"', '"moon"'))
    with pytest.raises(ModelError, match="holds no segmentation network"):
        load_model(str(tmp_path))


@pytest.mark.parametrize("stride", [1, 2])
def test_another_head_keeps_the_maps_that_both_have(stride):
    torch.manual_seed(0)
    flows = FlowNetwork(NetworkSettings(widths=(4, 8), blocks=1, stride=stride)).eval()
    foreground = flows.with_head("foreground").eval()
    picture = torch.rand((1, 2, 37, 50))
    with torch.no_grad():
        maps, other, back = (one.predict(picture) for one in (flows, foreground, foreground.with_head("flows").eval()))
    assert not other[:, :2].any()
    torch.testing.assert_close(other[:, 2:], maps[:, 2:])
    torch.testing.assert_close(back[:, 2:], maps[:, 2:])


@pytest.mark.parametrize("radius_px", [9, 25])
def test_discs_are_found_without_a_diameter(segmenter, radius_px):
    truth = grid_of_discs(radius_px)
    assert score_labels(segment(glowing(truth), NUCLEI, segmenter, AUTOMATIC).labels, truth).ap75 == 1


def test_touching_discs_are_two_cells(segmenter):
    truth = discs((96, 96), [(48, 30), (48, 60)], 15)
    found = segment(glowing(truth), NUCLEI, segmenter, SegmentSettings(diameter=30)).labels
    assert score_labels(found, truth).ap50 == 1


def test_cells_grow_from_nuclei_where_a_channel_shows_them(segmenter):
    """Two nuclei in one body are two cells; without the channel it is one."""
    body, nuclei = discs((96, 96), [(48, 48)], 26), discs((96, 96), [(48, 36), (48, 60)], 8)
    pixels = np.concatenate([glowing(body), glowing(nuclei)])
    fixed = SegmentSettings(diameter=40)
    both = segment(pixels, (Role.CYTOPLASM, Role.NUCLEUS), segmenter, fixed).labels
    assert set(np.unique(both[nuclei > 0])) == {1, 2}
    assert segment(pixels, (Role.CYTOPLASM, Role.OTHER), segmenter, fixed).labels.max() == 1


@pytest.mark.parametrize("pixels", [np.zeros((1, 64, 64)), np.ones((1, 64, 64)), glowing(np.zeros((96, 96), int))])
def test_an_empty_picture_holds_no_cells(segmenter, pixels):
    assert segment(pixels.astype(np.float32), NUCLEI, segmenter, AUTOMATIC).labels.max() == 0


def test_the_limit_moves_the_outline(segmenter):
    truth = grid_of_discs(15)
    flows = segmenter.flows(glowing(truth), NUCLEI, SegmentSettings(diameter=30))
    areas = [
        np.count_nonzero(segmenter.masks(flows, SegmentSettings(cellprob_threshold=limit))) for limit in (-2, 0, 2)
    ]
    assert areas[0] >= areas[1] >= areas[2] > 0
    assert segmenter.masks(flows, SegmentSettings(min_size_px=10_000)).max() == 0


def test_holes_of_a_cell_are_filled_and_gaps_between_cells_are_not(segmenter):
    from cellapp.segmentation.classical import ClassicalFlows
    from cellapp.segmentation.foreground import Foreground

    mask = np.ones((60, 60), bool)
    mask[0], mask[-1], mask[:, 0], mask[:, -1] = False, False, False, False
    mask[10:12, 10:12] = mask[30:50, 30:50] = False
    logit = np.where(mask, 3.0, -3.0).astype(np.float32)
    found = segmenter.masks(ClassicalFlows(Foreground(logit), None, 30.0), SegmentSettings(min_size_px=0)) > 0
    assert found[10:12, 10:12].all()
    assert not found[30:50, 30:50].any()


def test_the_card_tells_the_measured_figures():
    figures = json.loads((SHIPPED / "metrics.json").read_text())
    card = (SHIPPED / "card.md").read_text()
    for row in figures["kinds"].values():
        for figure in ("dice", "iou", "ap50"):
            assert f"{row['segmenter'][figure]['mean']:.3f}" in card
    assert figures["kinds"]["fluorescence"]["segmenter"]["dice"]["mean"] >= 0.9
    assert "not for diagnosis" in card.lower()


def test_foreground_figures_can_be_had_again(segmenter):
    """On three validation images, the figures of the file within what processors round differently."""
    folder, scores = shared_data("segmentation"), json.loads((SHIPPED / "metrics.json").read_text())["images"]
    images = [task() for task in list_images(folder, "val", 0, kinds=[Kind.FLUORESCENCE])[:3]]
    for image in images:
        assert score_image(segmenter, image).ap50 == pytest.approx(scores[image.name], abs=0.05)
