import numpy as np
import pytest

from cellapp import preview
from cellapp.errors import InputError, StoreError
from cellapp.images.read import open_slide
from cellapp.pipeline import find_cells
from cellapp.preview import PreviewFlows, load_preview, preview_flows, preview_masks, save_preview
from cellapp.segmentation.cellpose import CellposeFlows
from cellapp.segmentation.classical import Classical
from cellapp.settings import AnalyseSettings
from cellapp.types import Region

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
    expected = find_cells(slide, segmenter, SETTINGS)
    np.testing.assert_array_equal(preview_masks(flows, segmenter, SETTINGS).labels, expected.labels)


def test_a_region_is_scaled_by_the_whole_slide(demo):
    slide, region = open_slide(demo.slide), Region(100, 120, 200, 180)
    whole = preview_flows(slide, slide.whole, Classical(), SETTINGS)
    part = preview_flows(slide, region, Classical(), SETTINGS)
    np.testing.assert_array_equal(part.processed, whole.processed[(slice(None), *region.slices)])


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
    monkeypatch.setattr(preview, "_KEPT", 3)
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
