"""Labelled cells of synthetic slides."""

import numpy as np
import pytest

from cellapp.segmentation.classical import Classical
from cellapp.settings import FeatureSettings
from cellapp.synthetic.settings import SyntheticSettings
from cellapp.training.synthetic_cells import SIDE_PX, crop_cells, embed_slides, find_cells, match_cells, random_settings
from cellapp.types.cells import LabelMask
from tests.encoders.tiny import tiny_encoder

READS = [FeatureSettings(), FeatureSettings(source="grid")]


@pytest.fixture(scope="module")
def slides():
    return [find_cells(random_settings(seed, side_px=256), Classical()) for seed in (1, 2)]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return tiny_encoder(tmp_path_factory.mktemp("encoder"), input_px=SIDE_PX)


def test_each_cell_has_a_crop_and_a_class(slides):
    assert sum(len(one.cells) for one in slides) > 4
    for one in slides:
        pixels = crop_cells(one)
        assert pixels.shape == (len(one.cells), 3, SIDE_PX, SIDE_PX)
        assert 0 <= pixels.min() < pixels.max() <= 1
        assert len(one.labels) == len(one.cells)
        assert set(one.labels) <= {"cancer", "normal"}


@pytest.mark.parametrize("reads", READS, ids=["crops", "grid"])
def test_each_cell_has_a_vector_a_class_and_a_slide(slides, encoder, reads):
    cells = embed_slides(slides, encoder, reads)
    n_cells = sum(len(one.cells) for one in slides)
    assert cells.features.shape == (n_cells, 2 * encoder.dim)
    assert cells.source == reads.source
    assert cells.cell_ids.tolist() == list(range(n_cells))
    assert [one.name for one in slides] == ["slide 1", "slide 2"]


def test_crops_are_letterboxed_cells_on_black(slides):
    filled = crop_cells(slides[0]).max(axis=1) > 0
    assert 0.3 < filled.mean() < 0.95
    assert (filled[:, SIDE_PX // 2, SIDE_PX // 2]).mean() > 0.9


def test_the_same_seed_gives_the_same_cells(slides):
    again = find_cells(random_settings(1, side_px=256), Classical())
    np.testing.assert_array_equal(crop_cells(again), crop_cells(slides[0]))
    np.testing.assert_array_equal(again.labels, slides[0].labels)


@pytest.mark.parametrize("reads", READS, ids=["crops", "grid"])
def test_no_cells_are_no_rows(encoder, reads):
    empty = find_cells(SyntheticSettings(height=96, width=96, density=0), Classical())
    assert crop_cells(empty).shape == (0, 3, SIDE_PX, SIDE_PX)
    assert embed_slides([empty], encoder, reads).features.shape == (0, 2 * encoder.dim)


def test_slides_of_different_seeds_differ_in_everything_that_varies():
    slides = [random_settings(seed) for seed in range(8)]
    for name in ("density", "noise", "illumination", "cell_diameter_um"):
        assert len({getattr(slide, name) for slide in slides}) == 8
    assert {slide.n_channels for slide in slides} == {3, 4}


def test_cells_are_matched_by_overlap():
    truth = np.zeros((20, 30), int)
    truth[2:12, 2:12], truth[2:12, 15:25] = 7, 9
    found = np.zeros((20, 30), np.int32)
    found[2:12, 2:11] = 3  # 90 of 100 px of truth 7
    found[2:12, 21:30] = 4  # 40 of 150 px of truth 9
    assert match_cells(LabelMask(found, "test@1"), truth) == {3: 7}


def test_nothing_found_matches_nothing():
    assert match_cells(LabelMask(np.zeros((4, 4), np.int32), "test@1"), np.ones((4, 4), int)) == {}
