"""A second look at some cells tells good outlines from bad ones, at a cost that does not grow with the image."""

from dataclasses import astuple, dataclass, field

import numpy as np
import pytest
from scipy import ndimage

from cellapp.segmentation.cellpose import CellposeFlows
from cellapp.segmentation.input_planes import Polarity
from cellapp.segmentation.second_look import N_WINDOWS, SIDE_PX, SMALLER, look_again, windows_with_cells
from cellapp.segmentation.slide_fit import SlideFit
from cellapp.settings import SegmentSettings
from cellapp.types.image import Role
from tests.segmentation.phantoms import discs, grid_of_discs

OTHER, AUTOMATIC = (Role.OTHER,), SegmentSettings()


@dataclass
class FromPixels:
    """A segmenter that takes every piece above 0 for a cell; it remembers what it was shown."""

    shown: list = field(default_factory=list)
    name = "from pixels"
    fast = True

    def flows(self, pixels, roles, settings, fit=None):
        self.shown.append((pixels.shape, settings, fit))
        self.labels = ndimage.label(pixels[0] > 0)[0].astype(np.int32)
        flow = np.stack([5.0 * (self.labels > 0), np.zeros(self.labels.shape)]).astype(np.float32)
        return CellposeFlows(flow, np.where(self.labels > 0, 6, -6).astype(np.float32), settings.diameter)

    def masks(self, flows, settings):
        return self.labels


def looked(truth, labels, diameter_px, segmenter=None):
    planes = truth[None].astype(np.float32)
    fit = SlideFit(diameter_px, Polarity())
    return look_again(
        lambda at: planes[(slice(None), *at.slices)], labels, OTHER, segmenter or FromPixels(), AUTOMATIC, fit
    )


def test_outlines_that_are_found_again_are_borne_out():
    truth = grid_of_discs(8, n=5)
    evidence = looked(truth, truth, 16.0)
    np.testing.assert_allclose(astuple(evidence), [1, 1, 1, 1, 1, 0])


def test_outlines_that_are_not_found_again_are_not():
    truth = grid_of_discs(8, n=5)
    moved = looked(truth, np.roll(truth, 12, axis=1), 16.0)
    thinner = looked(truth, discs(truth.shape, [(41.6 * i / 2 + 10.4, 10.4) for i in range(5)], 4), 16.0)
    assert moved.again < 0.2
    assert thinner.again < 0.2
    assert moved.overlap < 0.5


@pytest.mark.parametrize("diameter_px", [8.0, 30.0, 90.0])
def test_cells_are_shown_smaller_in_few_windows_of_one_tile(diameter_px):
    segmenter, truth = FromPixels(), np.zeros((1800, 1800), np.int32)
    truth[::7, ::5] = 1  # a window shows it whatever its size
    looked(truth, truth, diameter_px, segmenter)
    assert 1 <= len(segmenter.shown) <= N_WINDOWS
    for (_, height, width), settings, fit in segmenter.shown:
        assert settings.diameter == fit.diameter_px
        scale = 30 / settings.diameter  # what the network rescales by
        assert max(height, width) * scale <= SIDE_PX + 1
        assert min(1.0, SMALLER * 30 / diameter_px) * scale * diameter_px == pytest.approx(SMALLER * 30)


def test_windows_lie_where_cells_are():
    labels = np.zeros((600, 600), np.int32)
    labels[400:440, 60:100] = 1
    [window] = windows_with_cells(labels, 100)
    assert window.y <= 420 < window.y + window.height
    assert window.x <= 80 < window.x + window.width


def test_nothing_is_told_without_cells():
    empty = np.zeros((100, 100), np.int32)
    assert looked(empty, empty, 20.0) is None
    assert windows_with_cells(empty, 50) == []
