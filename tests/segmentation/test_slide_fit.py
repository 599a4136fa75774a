"""A tile is segmented as its slide would be."""

import pickle

import numpy as np
import pytest

from cellapp.segmentation.classical import Classical
from cellapp.segmentation.diameter import CellSize
from cellapp.segmentation.input_planes import Polarity, select_planes
from cellapp.segmentation.run_segmenter import segment
from cellapp.segmentation.slide_fit import DIAMETER_WINDOWS, ThresholdFitter, fit_slide
from cellapp.settings import SegmentSettings
from cellapp.types.image import Role
from tests.segmentation.phantoms import discs, glowing, grid_of_discs

OTHER = (Role.OTHER,)


class Sized:
    """A segmenter that says a size and decides nothing else."""

    name, fast = "sized@1", True

    def __init__(self, long_above=99):
        self.asked, self.long_above = [], long_above

    def estimate_size(self, pixels, roles):
        self.asked.append(pixels)
        return CellSize(float(pixels.max()), 2.0 if pixels.max() > self.long_above else None)


@pytest.mark.parametrize("method", ["otsu", "local", "iterative"])
def test_decisions_made_on_the_whole_image_change_nothing(method):
    pixels, settings = glowing(grid_of_discs(14)), SegmentSettings(method=method)
    fit = fit_slide([pixels], OTHER, Classical(), settings)
    with_fit = segment(pixels, OTHER, Classical(), settings, fit=fit)
    np.testing.assert_array_equal(with_fit.labels, segment(pixels, OTHER, Classical(), settings).labels)


@pytest.mark.parametrize("method", ["otsu", "local", "iterative"])
def test_a_tile_with_one_cell_or_none_is_cut_at_the_height_of_its_slide(method):
    truth = grid_of_discs(14)
    pixels, settings = glowing(truth), SegmentSettings(method=method)
    fit = fit_slide([pixels], OTHER, Classical(), settings)
    blank = 0.1 + 0.1 * np.linspace(0, 1, 90, dtype=np.float32)[None, None].repeat(90, axis=1)
    assert segment(blank, OTHER, Classical(), settings, fit=fit).labels.max() == 0
    speck = glowing(discs((90, 90), [(45, 45)], 14))
    assert segment(speck, OTHER, Classical(), settings, fit=fit).labels.max() == 1


def test_a_slide_whose_sample_shows_nothing_leaves_the_decision_to_its_tiles():
    settings = SegmentSettings(diameter=28)
    fit = fit_slide([np.full((1, 90, 90), 0.1, np.float32)], OTHER, Classical(), settings)
    found = segment(glowing(grid_of_discs(14)), OTHER, Classical(), settings, fit=fit)
    assert found.labels.max() == 16


def test_a_tile_full_of_cell_keeps_the_polarity_of_its_slide():
    bright_field = 1 - glowing(discs((200, 200), [(60, 60), (140, 140)], 20))
    polarity = Polarity.detect(bright_field, OTHER)
    assert polarity.inverted
    inside = bright_field[:, 50:70, 50:70]  # dark all over: by itself it would not be turned over
    whole, tile = (select_planes(part, OTHER, polarity).body for part in (bright_field, inside))
    np.testing.assert_array_equal(tile, whole[50:70, 50:70])


def test_channels_with_a_role_are_never_turned_over():
    bright_field = 1 - glowing(discs((100, 100), [(50, 50)], 20))
    assert not Polarity.detect(bright_field, (Role.NUCLEUS,)).inverted


def test_the_diameter_is_the_median_of_a_few_windows_and_a_given_one_is_not_looked_for():
    windows = [np.full((1, 4, 4), value, np.float32) for value in range(1, 10)]
    segmenter = Sized()
    assert 3 <= fit_slide(windows, OTHER, segmenter, SegmentSettings()).diameter_px <= 7
    assert len(segmenter.asked) == DIAMETER_WINDOWS
    assert fit_slide(windows, OTHER, segmenter, SegmentSettings(diameter=4, diameter_unit="um"), 0.5).diameter_px == 8
    assert len(segmenter.asked) == DIAMETER_WINDOWS


def test_decisions_travel_to_other_processes():
    assert isinstance(Classical(), ThresholdFitter)
    assert not isinstance(Sized(), ThresholdFitter)
    fit = fit_slide([glowing(grid_of_discs(14))], OTHER, Classical(), SegmentSettings())
    assert pickle.loads(pickle.dumps(fit)) == fit
