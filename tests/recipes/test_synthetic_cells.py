"""Labelled crops of synthetic slides."""

import numpy as np
import pytest

from cellapp.recipes.synthetic_cells import SIDE_PX, cut_cells, match_cells, vary
from cellapp.segmentation.classical import Classical
from cellapp.synthetic.settings import SyntheticSettings
from cellapp.types import LabelMask


@pytest.fixture(scope="module")
def cells():
    return cut_cells([vary(seed, side_px=256) for seed in (1, 2)], Classical())


def test_each_cell_has_a_crop_a_class_and_a_slide(cells):
    assert len(cells) > 4
    assert cells.pixels.shape == (len(cells), 3, SIDE_PX, SIDE_PX)
    assert 0 <= cells.pixels.min() < cells.pixels.max() <= 1
    assert set(cells.labels) <= {"cancer", "normal"}
    assert set(cells.slides) <= {"slide 1", "slide 2"}


def test_crops_are_letterboxed_cells_on_black(cells):
    filled = cells.pixels.max(axis=1) > 0
    assert 0.3 < filled.mean() < 0.95
    assert (filled[:, SIDE_PX // 2, SIDE_PX // 2]).mean() > 0.9


def test_the_same_seed_gives_the_same_cells(cells):
    again = cut_cells([vary(seed, side_px=256) for seed in (1, 2)], Classical())
    np.testing.assert_array_equal(again.pixels, cells.pixels)
    np.testing.assert_array_equal(again.labels, cells.labels)


@pytest.mark.parametrize("slides", [[], [SyntheticSettings(height=96, width=96, density=0)]])
def test_no_cells_are_no_rows(slides):
    assert cut_cells(slides, Classical()).pixels.shape == (0, 3, SIDE_PX, SIDE_PX)


def test_slides_of_different_seeds_differ_in_everything_that_varies():
    slides = [vary(seed) for seed in range(8)]
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
