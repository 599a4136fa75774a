import numpy as np
import pytest

from cellapp.errors import InputError, StoreError
from cellapp.images.read import open_slide
from cellapp.models.load import load_model
from cellapp.pipeline.segment_slide import segment_image
from cellapp.segmentation import preview_files
from cellapp.segmentation.cellpose import CellposeFlows
from cellapp.segmentation.classical import Classical
from cellapp.segmentation.preview import (
    PreviewFlows,
    cut_cells,
    flow_settings,
    preview_cells,
    preview_flows,
    preview_masks,
)
from cellapp.segmentation.preview_files import load_preview, run_preview, save_preview
from cellapp.segmentation.slide_parameters import ensure_slide_parameters
from cellapp.settings import AnalyseSettings, QualitySettings
from cellapp.synthetic.field import render_field
from cellapp.synthetic.settings import SyntheticSettings
from cellapp.types.cells import LabelMask
from cellapp.types.image import Region
from tests.cells.toy import slide_of

pytestmark = pytest.mark.slow

SETTINGS = AnalyseSettings.model_validate({"segment": {"diameter": 56}})


def kept(seed=0):
    rng = np.random.default_rng(seed)
    flows = CellposeFlows(
        rng.normal(size=(2, 8, 9)).astype(np.float32), rng.normal(size=(8, 9)).astype(np.float32), 31.5
    )
    raw = rng.integers(0, 9, (3, 8, 9)).astype(np.uint16)
    return PreviewFlows(Region(1, 2, 8, 9), raw, raw / np.float32(9), flows, 31.5)


def test_a_preview_of_the_whole_image_is_what_a_run_finds(demo):
    slide, segmenter = open_slide(demo.slide), Classical()
    flows = preview_flows(slide, slide.whole, segmenter, SETTINGS)
    expected = segment_image(slide, segmenter, SETTINGS)
    np.testing.assert_array_equal(preview_masks(flows, segmenter, SETTINGS).labels, expected.labels)


def test_a_region_is_scaled_by_the_whole_slide(demo):
    slide, region = open_slide(demo.slide), Region(100, 120, 200, 180)
    whole = preview_flows(slide, slide.whole, Classical(), SETTINGS)
    part = preview_flows(slide, region, Classical(), SETTINGS)
    np.testing.assert_array_equal(part.processed, whole.processed[(slice(None), *region.slices)])


@pytest.fixture(scope="module")
def uneven():
    """A slide of several tiles, larger cells on its left than on its right."""
    sides = [
        render_field(SyntheticSettings(height=330, width=300, seed=seed, cell_diameter_um=size_um, noise=0.2))[0]
        for seed, size_um in ((3, 20), (4, 13))
    ]
    return slide_of(np.concatenate(sides, axis=2), ("actin", "cytoplasm", "nucleus"))


# The network reads squares that begin at the region's corner, so that outlines move by some pixels; nothing else does.
@pytest.mark.parametrize(("name", "least_iou"), [("classical", 1.0), ("compact", 0.9)])
def test_cells_away_from_the_edge_of_a_region_are_those_of_the_run(uneven, home, name, least_iou):
    segmenter = load_model(name)
    settings = AnalyseSettings.model_validate({"segment": {"segmenter": name, "tile_px": 310}})
    parameters, run = (
        ensure_slide_parameters(uneven, segmenter, settings),
        segment_image(uneven, segmenter, settings).labels,
    )
    for region in (Region(20, 10, 290, 280), Region(0, 300, 300, 300)):
        flows = preview_flows(uneven, region, segmenter, settings, parameters)
        assert flows.diameter_px == parameters.fit.diameter_px
        overlaps = ious_inside(
            run[region.slices], preview_masks(flows, segmenter, settings).labels, round(flows.diameter_px)
        )
        assert len(overlaps) > 5
        assert min(overlaps) >= least_iou


def ious_inside(expected, found, margin_px):
    """IoU of each cell of `expected` that stays clear of the edge with the cell that covers most of it."""
    inside = np.zeros(expected.shape, bool)
    inside[margin_px:-margin_px, margin_px:-margin_px] = True
    cells = [expected == cell for cell in np.unique(expected)[1:] if inside[expected == cell].all()]
    pairs = [(cell, (found == np.bincount(found[cell]).argmax()) & (found > 0)) for cell in cells]
    return [(cell & other).sum() / (cell | other).sum() for cell, other in pairs]


def test_an_empty_region_of_a_slide_shows_nothing_as_in_the_run(uneven, home):
    bare = np.pad(uneven.region(), ((0, 0), (0, 0), (0, 200)), mode="constant", constant_values=300)
    bare[..., -200:] += np.random.default_rng(0).integers(0, 40, (3, 330, 200), dtype=bare.dtype)
    slide, region, segmenter = (
        slide_of(bare, ("actin", "cytoplasm", "nucleus")),
        Region(0, 640, 160, 160),
        load_model("compact"),
    )
    settings = AnalyseSettings.model_validate({"segment": {"tile_px": 310, "diameter": 32}})
    flows = preview_flows(slide, region, segmenter, settings, ensure_slide_parameters(slide, segmenter, settings))
    mask = preview_masks(flows, segmenter, settings)
    assert (mask.labels.shape, mask.labels.max(), mask.segmenter) == ((160, 160), 0, segmenter.name)
    after = load_preview(save_preview(flows))
    assert (after.flows, after.diameter_px) == (None, 32)


def test_thresholds_move_without_new_flows(demo):
    class Once(Classical):
        calls = 0

        def flows(self, *arguments):
            self.calls += 1
            return super().flows(*arguments)

    segmenter, slide = Once(), open_slide(demo.slide)
    flows = preview_flows(slide, slide.whole, segmenter, SETTINGS)
    strict = SETTINGS.model_copy(update={"segment": SETTINGS.segment.model_copy(update={"min_size_px": 3000})})
    everything = preview_masks(flows, segmenter, SETTINGS).cell_ids
    assert len(preview_masks(flows, segmenter, strict).cell_ids) < len(everything)
    assert segmenter.calls == 1


def test_kept_flows_come_back_whole():
    before = kept()
    after = load_preview(save_preview(before))
    assert (after.region, after.diameter_px) == (before.region, before.diameter_px)
    for name in ("raw", "processed"):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name))
        assert getattr(after, name).dtype == getattr(before, name).dtype
    np.testing.assert_array_equal(after.flows.flow, before.flows.flow)
    np.testing.assert_array_equal(after.flows.probability, before.flows.probability)


def test_old_previews_are_dropped(home, monkeypatch):
    monkeypatch.setattr(preview_files, "_MAX_STORED", 3)
    keys = [save_preview(kept(seed)) for seed in range(5)]
    assert len(list((home / "previews").iterdir())) == 3
    with pytest.raises(StoreError, match="preview the region again"):
        load_preview(keys[0])
    load_preview(keys[-1])


@pytest.mark.parametrize("key", ["nope", "../../secret", "", "A" * 32])
def test_unknown_keys_are_refused(key):
    with pytest.raises(StoreError, match="no preview"):
        load_preview(key)


def test_flows_of_fast_segmenters_are_not_kept(demo):
    slide = open_slide(demo.slide)
    with pytest.raises(InputError, match="only Cellpose flows"):
        save_preview(preview_flows(slide, Region(0, 0, 64, 64), Classical(), SETTINGS))


def flows_of(region, labels):
    raw = np.random.default_rng(0).integers(1, 200, (2, *labels.shape)).astype(np.uint8)
    return PreviewFlows(region, raw, raw.astype(np.float32), None, 10.0)


def blocks():
    """Three cells: one at the left edge, one at the top edge, one in the middle."""
    labels = np.zeros((60, 60), np.int32)
    labels[20:30, 0:10] = 1
    labels[0:10, 20:30] = 2
    labels[25:35, 25:35] = 3
    return labels


def previewed(region, shape, **rules):
    labels = blocks()
    quality = QualitySettings(**rules)
    return preview_cells(flows_of(region, labels), LabelMask(labels, "t@1"), quality, shape=shape, channels=("a", "b"))


def test_cells_cut_by_the_region_are_left_out():
    cells = previewed(Region(100, 100, 60, 60), (1000, 1000))
    assert cells.index.tolist() == [3]
    assert cells["qc_pass"].all()


def test_cells_at_the_edge_of_the_image_are_rejected_by_the_border_rule_only():
    cells = previewed(Region(100, 0, 60, 60), (1000, 1000))
    assert cells.index.tolist() == [1, 3]
    assert cells["qc_pass"].tolist() == [False, True]
    assert previewed(Region(100, 0, 60, 60), (1000, 1000), border=False)["qc_pass"].all()


def test_a_region_that_is_the_whole_image_cuts_nothing():
    assert cut_cells(blocks(), Region(0, 0, 60, 60), (60, 60)).size == 0


def test_no_cells_give_no_rows():
    labels = np.zeros((8, 8), np.int32)
    region = Region(0, 0, 8, 8)
    cells = preview_cells(
        flows_of(region, labels), LabelMask(labels, "t@1"), QualitySettings(), shape=(8, 8), channels=("a", "b")
    )
    assert len(cells) == 0


class Network(Classical):
    """A segmenter of Cellpose's kind that finds what is brighter than a half."""

    name, fast = "network@1", False

    def flows(self, pixels, roles, settings, fit=None):
        return CellposeFlows(np.zeros((2, *pixels.shape[1:]), np.float32), pixels[1] - np.float32(0.5), 16.0)

    def masks(self, flows, settings):
        return (flows.probability > settings.cellprob_threshold).astype(np.int32)


@pytest.mark.parametrize("tile_px", [310, 2048])
def test_a_preview_by_the_worker_is_that_of_the_page(uneven, home, tile_px):
    settings = AnalyseSettings.model_validate({"segment": {"tile_px": tile_px, "diameter": 32}})
    region, network = Region(20, 10, 200, 180), Network()
    stored = load_preview(run_preview(uneven, region, network, settings))
    parameters = ensure_slide_parameters(uneven, network, settings) if tile_px < 600 else None
    direct = preview_flows(uneven, region, network, settings, parameters)
    np.testing.assert_array_equal(stored.processed, direct.processed)
    np.testing.assert_array_equal(
        preview_masks(stored, network, settings).labels, preview_masks(direct, network, settings).labels
    )
    assert (home / "slide_parameters").exists() is (tile_px < 600)


@pytest.mark.parametrize("moved", [{"min_size_px": 99}, {"cellprob_threshold": 2.0}, {"flow_threshold": 0.1}])
def test_flows_do_not_depend_on_thresholds_classes_or_explanations(moved):
    settings = AnalyseSettings.model_validate({"segment": {"diameter": 40, **moved}, "explain": {"n": 3}})
    assert flow_settings(settings) == flow_settings(AnalyseSettings.model_validate({"segment": {"diameter": 40}}))


@pytest.mark.parametrize("changed", [{"segment": {"diameter": 41}}, {"um_per_px": 0.3}, {"channels": {"nucleus": 1}}])
def test_flows_depend_on_diameter_pixel_size_and_channels(changed):
    assert flow_settings(AnalyseSettings.model_validate(changed)) != flow_settings(AnalyseSettings())
