"""Masks of flows and the flow check, against Cellpose's own at the size of the image."""

import numpy as np
import pytest
import torch

from cellapp.compute import torchvision_shim
from cellapp.config import REPOSITORY
from cellapp.images.channels import assign_channels
from cellapp.images.preprocess import Preprocessor
from cellapp.images.read import open_slide
from cellapp.segmentation.compact import CompactSegmenter
from cellapp.segmentation.dynamics import drop_inconsistent, follow_flows
from cellapp.segmentation.mask_flows import mask_flows
from cellapp.segmentation.metrics import f1_score
from cellapp.settings import PreprocessSettings, SegmentSettings
from cellapp.synthetic.field import render_field
from cellapp.synthetic.settings import SyntheticSettings
from cellapp.types.image import Role
from tests.paths import shared_data
from tests.segmentation.phantoms import discs, grid_of_discs

torchvision_shim.install()

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")
ROLES = (Role.CYTOPLASM, Role.OTHER, Role.NUCLEUS)


@pytest.fixture(scope="module")
def compact():
    return CompactSegmenter(REPOSITORY / "models" / "compact")


def by_cellpose(flows, settings):
    """Masks as Cellpose computes them, every step at the size of the image."""
    from cellpose.dynamics import resize_and_compute_masks

    return resize_and_compute_masks(
        flows.flow,
        flows.probability,
        niter=max(int(200 * flows.diameter_px / 30), 1),
        flow_threshold=settings.flow_threshold,
        min_size=settings.min_size_px,
        max_size_fraction=1.0,
    ).astype(np.int32)


def agreement(compact, pixels, roles, diameter_px):
    """F1 at IoU 0.8 between the masks of both."""
    settings = SegmentSettings(diameter=diameter_px)
    flows = compact.flows(pixels, roles, settings)
    ours, theirs = compact.masks(flows, settings), by_cellpose(flows, settings)
    assert theirs.max() > 5
    return f1_score(ours, theirs, 0.8)


@pytest.mark.parametrize("diameter_px", [24, 56])
def test_synthetic_cells_are_those_of_cellpose(compact, diameter_px):
    synthetic = SyntheticSettings(height=320, width=320, um_per_px=1.0, cell_diameter_um=diameter_px, touching=0.6)
    pixels, _, _ = render_field(synthetic)
    planes = pixels.astype(np.float32) / pixels.max(axis=(1, 2), keepdims=True)
    assert agreement(compact, planes, ROLES, diameter_px) >= 0.98


@pytest.mark.parametrize(
    ("stem", "diameter_px"),
    [
        ("4ee5850b63549794eb3ecd3d5f5673164ac16936e36ecc3700da886e3b616149", 46.0),
        ("150b0ffa318c87b31d78af0e87d60390dbcd84b5f228a8c1fb3225cbe5df3e3f", 25.0),
    ],
)
def test_cells_of_a_photographed_field_are_those_of_cellpose(compact, stem, diameter_px):
    slide = open_slide(shared_data("segmentation/dsb2018") / "images" / f"{stem}.png")
    pixels = Preprocessor.fit(slide, PreprocessSettings()).apply(slide.region())
    assert agreement(compact, pixels, assign_channels(slide.info, {})[1], diameter_px) >= 0.98


@pytest.mark.parametrize("radius_px", [4, 15, 45])
def test_masks_that_follow_the_flows_stay_and_others_go(radius_px):
    truth = grid_of_discs(radius_px, n=3)
    flow, turned = 5 * mask_flows(truth), truth == 5
    flow[:, turned] *= -1
    kept = drop_inconsistent(truth, flow, 2.0 * radius_px, flow_threshold=0.4)
    assert kept.max() == 8
    assert not kept[turned].any()
    assert ((kept > 0) == ((truth > 0) & ~turned)).all()


def test_no_threshold_no_check():
    truth = grid_of_discs(15, n=2)
    wrong = np.ones((2, *truth.shape), np.float32)
    assert drop_inconsistent(truth, wrong, 30.0, flow_threshold=0) is truth


@pytest.mark.parametrize("n", [0, 1])
def test_no_cell_and_one_cell_are_results(n):
    truth = discs((60, 60), [(30, 30)][:n], 20)
    kept = drop_inconsistent(truth, 5 * mask_flows(truth), 40.0, flow_threshold=0.4)
    assert kept.max() == n


def test_specks_lost_at_the_smaller_scale_stay():
    truth = discs((200, 200), [(100, 100)], 80)
    truth[0, 1] = 2
    kept = drop_inconsistent(truth, 5 * mask_flows(truth), 160.0, flow_threshold=0.4)
    assert kept.max() == 2


@pytest.mark.parametrize("radius_px", [4, 15, 45])
@pytest.mark.parametrize("turn", [0.0, 0.4])
def test_pixels_that_go_on_as_one_make_the_masks_of_cellpose(radius_px, turn):
    truth = grid_of_discs(radius_px, n=3, gap=2.0)
    rng = np.random.default_rng(radius_px)
    y, x = mask_flows(truth)
    flow = 5 * np.stack([y * np.cos(turn) - x * np.sin(turn), y * np.sin(turn) + x * np.cos(turn)])
    flow = (flow + rng.normal(0, 0.5, flow.shape)).astype(np.float32)
    given = {"n_steps": 14 * radius_px, "cellprob_threshold": 0.0, "min_size_px": 4, "device": CPU}
    probability = np.where(truth > 0, 1.0, -1.0).astype(np.float32)
    ours, theirs = (follow_flows(flow, probability, **given, by_library=which) for which in (False, True))
    assert theirs.max() >= 5
    assert f1_score(ours, theirs, 0.9) >= 0.999
    assert (ours == theirs).mean() >= 0.999


@pytest.mark.parametrize("n", [0, 1])
def test_both_ways_find_no_cell_and_one_cell(n):
    truth = discs((60, 60), [(30, 30)][:n], 20)
    probability = np.where(truth > 0, 1.0, -1.0).astype(np.float32)
    for by_library in (False, True):
        given = {"n_steps": 200, "cellprob_threshold": 0.0, "min_size_px": 4, "device": CPU, "by_library": by_library}
        found = follow_flows(5 * mask_flows(truth), probability, **given)
        assert (found == truth).all()


def test_settings_choose_who_makes_masks_and_both_agree(compact):
    pixels, _, _ = render_field(SyntheticSettings(height=256, width=256, um_per_px=1.0, touching=0.6))
    planes = pixels.astype(np.float32) / pixels.max(axis=(1, 2), keepdims=True)
    flows = compact.flows(planes, ROLES, SegmentSettings())
    fast, library = (compact.masks(flows, SegmentSettings(dynamics=which)) for which in ("fast", "cellpose"))
    assert f1_score(fast, library, 0.9) >= 0.999
