"""Any segmenter gets its diameter in px and its parameters of the slide, and gives labels."""

import numpy as np
import pytest

from cellapp.errors import InputError
from cellapp.segmentation.diameter import CellSize, estimate_size
from cellapp.segmentation.input_planes import Polarity
from cellapp.segmentation.run_segmenter import run_flows, segment
from cellapp.segmentation.slide_fit import SlideFit
from cellapp.settings import SegmentSettings
from cellapp.types.image import Role
from tests.segmentation.phantoms import glowing, grid_of_discs

ROLES = (Role.CYTOPLASM,)


class Recording:
    """A segmenter that notes what it is given and finds one cell."""

    name, fast = "recording@1", True

    def __init__(self):
        self.calls = []

    def flows(self, pixels, roles, settings, fit=None):
        self.calls.append((pixels.shape, tuple(roles), settings, fit))
        return pixels.shape[1:]

    def masks(self, flows, settings):
        self.calls.append(settings)
        return np.ones(flows, np.int32)


@pytest.fixture
def pixels():
    return glowing(grid_of_discs(9, n=3))


@pytest.mark.parametrize(("settings", "um_per_px", "px"), [
    (SegmentSettings(diameter=21), None, 21),
    (SegmentSettings(diameter=21), 0.5, 21),
    (SegmentSettings(diameter=10, diameter_unit="um"), 0.5, 20),
])  # fmt: skip
def test_a_given_diameter_reaches_the_segmenter_in_px(pixels, settings, um_per_px, px):
    segmenter = Recording()
    segment(pixels, ROLES, segmenter, settings, um_per_px)
    _, _, of_flows, fit = segmenter.calls[0]
    assert (of_flows.diameter, of_flows.diameter_unit, fit) == (px, "px", None)
    assert segmenter.calls[1] == of_flows, "flows and masks went by different settings"


def test_a_diameter_left_open_is_estimated(pixels):
    _, settings = run_flows(pixels, ROLES, Recording(), SegmentSettings())
    assert settings.diameter == estimate_size(pixels, ROLES).diameter_px


def test_a_segmenter_that_estimates_by_itself_is_asked(pixels):
    segmenter = Recording()
    segmenter.estimate_size = lambda pixels, roles: CellSize(12.5)
    assert run_flows(pixels, ROLES, segmenter, SegmentSettings())[1].diameter == 12.5
    assert run_flows(pixels, ROLES, segmenter, SegmentSettings(diameter=8))[1].diameter == 8


def test_the_parameters_of_the_slide_come_before_the_settings(pixels):
    segmenter, fit = Recording(), SlideFit(33.0, Polarity())
    segment(pixels, ROLES, segmenter, SegmentSettings(diameter=8), fit=fit)
    assert segmenter.calls[0][2].diameter == 33.0
    assert segmenter.calls[0][3] is fit


def test_thresholds_pass_through_unchanged(pixels):
    chosen = SegmentSettings(diameter=9, min_size_px=7, cellprob_threshold=1.5, flow_threshold=0.2)
    _, settings = run_flows(pixels, ROLES, Recording(), chosen)
    assert settings == chosen


def test_the_mask_carries_the_name_of_the_segmenter(pixels):
    mask = segment(pixels, ROLES, Recording(), SegmentSettings(diameter=9))
    assert (mask.segmenter, mask.labels.shape) == ("recording@1", pixels.shape[1:])


@pytest.mark.parametrize(("shape", "n_roles"), [((20, 20), 1), ((2, 20, 20), 1), ((1, 1, 20, 20), 1), ((1, 20, 20), 2)])
def test_pixels_without_one_role_per_channel_are_refused(shape, n_roles):
    with pytest.raises(InputError, match="one role per channel"):
        segment(np.zeros(shape, np.float32), ROLES * n_roles, Recording(), SegmentSettings(diameter=9))


def test_a_diameter_in_um_needs_a_pixel_size(pixels):
    with pytest.raises(InputError, match="needs a pixel size"):
        segment(pixels, ROLES, Recording(), SegmentSettings(diameter=9, diameter_unit="um"))
