"""The classical segmenter finds what is there and nothing where nothing is."""

import numpy as np
import pytest

from cellapp.errors import InputError
from cellapp.segmentation.classical import Classical
from cellapp.segmentation.metrics import score_labels
from cellapp.segmentation.run_segmenter import segment
from cellapp.settings import SegmentSettings
from cellapp.synthetic.field import render_field
from cellapp.synthetic.settings import SyntheticSettings
from cellapp.types.image import Role
from cellapp.types.protocols import Segmenter
from tests.segmentation.phantoms import discs, glowing, grid_of_discs

OTHER, CYTOPLASM, NUCLEUS = Role.OTHER, Role.CYTOPLASM, Role.NUCLEUS
DEMO_ROLES = (OTHER, CYTOPLASM, NUCLEUS)
METHODS = ("otsu", "local", "iterative")


def scaled(pixels):
    """Percentile clip as the default preprocessing does it."""
    low, high = np.percentile(pixels, [0.2, 99.8], axis=(1, 2))[..., None, None]
    return np.clip((pixels - low) / np.maximum(high - low, 1e-9), 0, 1).astype(np.float32)


def find(pixels, roles=(OTHER,), **settings):
    return segment(pixels, roles, Classical(), SegmentSettings(**settings))


@pytest.fixture(scope="module")
def field():
    pixels, labels, _ = render_field(SyntheticSettings(height=512, width=512, seed=11))
    return scaled(pixels), labels.astype(np.int64)


def test_it_is_a_segmenter():
    assert isinstance(Classical(), Segmenter)


def test_synthetic_cells_are_found(field):
    assert score_labels(find(field[0], DEMO_ROLES).labels, field[1]).ap50 >= 0.92


def test_channel_order_does_not_matter(field):
    pixels, _ = field
    turned = find(pixels[[2, 0, 1]], (NUCLEUS, OTHER, CYTOPLASM))
    np.testing.assert_array_equal(turned.labels, find(pixels, DEMO_ROLES).labels)


@pytest.mark.parametrize("method", METHODS)
def test_discs_are_counted(method):
    truth = grid_of_discs(15)
    found = find(glowing(truth), method=method)
    score = score_labels(found.labels, truth)
    assert score.n_pred == 16
    assert score.ap50 == 1


def test_touching_discs_are_cut():
    truth = discs((120, 160), [(60, 55), (60, 101)], 24)
    score = score_labels(find(glowing(truth), diameter=48).labels, truth)
    assert (score.n_pred, score.ap75) == (2, 1)


@pytest.mark.parametrize("n", [0, 1])
def test_no_cell_and_one_cell_are_results(n):
    truth = discs((90, 90), [(45, 45)][:n], 18)
    mask = find(glowing(truth))
    assert mask.labels.dtype == np.int32
    assert mask.cell_ids.tolist() == list(range(1, n + 1))


BLANKS = {
    "constant": np.full((1, 200, 200), 0.5),
    "one pixel": np.ones((1, 1, 1)),
    "one row": np.zeros((1, 1, 50)),
    "noise": np.random.default_rng(0).normal(size=(1, 300, 300)),
    "shot noise": np.random.default_rng(1).poisson(5, (1, 300, 300)).astype(float),
    "ramp": np.linspace(0, 1, 400)[None, None].repeat(400, axis=1),
    "noisy ramp": np.linspace(0, 1, 400) + np.random.default_rng(2).normal(0, 0.1, (1, 400, 400)),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", BLANKS)
def test_nothing_is_found_in_nothing(name, method):
    assert find(scaled(BLANKS[name]), method=method).labels.max() == 0


def test_an_empty_slide_has_no_cells():
    pixels, _, _ = render_field(SyntheticSettings(height=384, width=384, density=0))
    assert find(scaled(pixels), DEMO_ROLES).labels.max() == 0


def test_small_masks_are_dropped_and_ids_have_no_gaps():
    truth = discs((150, 300), [(75, 75), (30, 200)], 30) + 2 * discs((150, 300), [(100, 250)], 5)
    labels = find(glowing(truth, noise=0), diameter=60, min_size_px=200).labels
    assert sorted(np.unique(labels)) == [0, 1, 2]
    assert labels[100, 250] == 0


def test_a_higher_cell_threshold_gives_less_foreground_from_the_same_flows(field):
    settings = SegmentSettings(diameter=55)
    flows = Classical().flows(field[0][1:2], (CYTOPLASM,), settings)
    areas = [
        (Classical().masks(flows, settings.model_copy(update={"cellprob_threshold": limit})) > 0).sum()
        for limit in (-3.0, 0.0, 3.0)
    ]
    assert areas[0] > areas[1] > areas[2] > 0


def test_dark_cells_on_bright_ground_are_found_as_in_the_negative():
    picture = glowing(grid_of_discs(15))
    np.testing.assert_array_equal(find(1 - picture).labels > 0, find(picture).labels > 0)


def test_diameter_in_um_needs_a_pixel_size():
    with pytest.raises(InputError, match="pixel size"):
        find(glowing(grid_of_discs(15)), diameter=15, diameter_unit="um")


def test_diameter_in_um_is_the_same_as_in_px():
    picture = glowing(grid_of_discs(15))
    settings = SegmentSettings(diameter=15, diameter_unit="um")
    by_um = segment(picture, (OTHER,), Classical(), settings, um_per_px=0.5)
    np.testing.assert_array_equal(by_um.labels, find(picture, diameter=30).labels)


def test_roles_must_fit_the_channels():
    with pytest.raises(InputError, match="one role per channel"):
        find(np.zeros((2, 8, 8), np.float32))
