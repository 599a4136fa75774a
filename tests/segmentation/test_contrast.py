"""Statistics of pictures."""

import numpy as np
import pytest

from cellapp.segmentation.contrast import (
    BLOCKS_PX,
    COLOUR_STATISTICS,
    GRAY_STATISTICS,
    describe_colour,
    describe_gray,
)
from cellapp.synthetic.optics import differential_interference
from tests.segmentation.phantoms import discs

TRUTH = discs((160, 160), [(30, 40), (90, 60), (60, 120), (120, 120)], 14)
NOISE = np.random.default_rng(0).normal(0, 0.02, TRUTH.shape)
GLOWING = (TRUTH > 0) + NOISE


def of(plane, name):
    return describe_gray(plane)[GRAY_STATISTICS.index(name)]


def test_every_statistic_has_a_name():
    assert describe_gray(GLOWING).shape == (len(GRAY_STATISTICS),)
    assert describe_colour(np.stack([GLOWING] * 3).clip(0, 1)).shape == (len(COLOUR_STATISTICS),)
    assert len(set(COLOUR_STATISTICS)) == len(COLOUR_STATISTICS)


def test_gain_and_offset_of_the_camera_change_nothing():
    assert np.allclose(describe_gray(GLOWING), describe_gray(300 * GLOWING + 1000), atol=1e-3)


def test_an_even_picture_has_none():
    assert not describe_gray(np.full((40, 40), 7.0)).any()
    assert np.isfinite(describe_colour(np.full((3, 40, 40), 0.5))).all()


def test_glowing_cells_lie_above_their_background_and_a_shadow_on_both_sides():
    assert of(GLOWING, "background") < 0.2
    assert of(-GLOWING, "background") > 0.8
    assert of(GLOWING, "below") == 0 < of(GLOWING, "above")
    shadow = differential_interference((TRUTH > 0).astype(float), 0.3, 2.0) + NOISE / 10
    assert of(shadow, "background") == pytest.approx(0.5, abs=0.15)
    assert min(of(shadow, "above"), of(shadow, "below")) > 0.02


def test_coarser_squares_keep_less_of_the_contrast():
    kept = [of(GLOWING, f"coarser_than_{side}_px") for side in BLOCKS_PX]
    assert kept == sorted(kept, reverse=True)
    assert of(NOISE, "coarser_than_4_px") < 0.15 < of(GLOWING, "coarser_than_4_px")


def test_red_cells_and_purple_nuclei_differ_in_colour():
    def stained(colour):
        return np.where(TRUTH > 0, np.array(colour)[:, None, None], np.array([0.9, 0.9, 0.9])[:, None, None])

    red, purple = (dict(zip(COLOUR_STATISTICS, describe_colour(stained(c)), strict=True)) for c in
                   ([0.8, 0.4, 0.4], [0.4, 0.2, 0.6]))  # fmt: skip
    assert red["red"] > 0.1 > purple["red"]
    assert purple["blue"] > 0.1 > red["blue"]
