"""Laws of the optical models."""

import math

import numpy as np
import pytest

from cellapp.synthetic.optics import (
    FULL_SCALE,
    Exposure,
    defocused_bright_field,
    differential_interference,
    expose,
    phase_contrast,
)
from cellapp.synthetic.thickness import Relief, draw_thickness
from tests.segmentation.phantoms import discs

LABELS = discs((120, 120), [(60, 52), (44, 84)], 16)
THICKNESS = draw_thickness(LABELS, np.zeros(2, bool), Relief(nucleus=0.0, grains=0.0), np.random.default_rng(0))
MODELS = {
    "phase": lambda h: phase_contrast(h, 6.0, 0.8),
    "dic": lambda h: differential_interference(h, 0.7),
    "brightfield": lambda h: defocused_bright_field(h, 2.0),
}


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_a_shifted_field_gives_a_shifted_image(model):
    shifted = model(np.roll(THICKNESS, (5, -7), axis=(0, 1)))
    inner = (slice(30, 90), slice(30, 90))
    assert np.allclose(np.roll(shifted, (-5, 7), axis=(0, 1))[inner], model(THICKNESS)[inner], atol=1e-4)


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_an_even_field_has_no_contrast_and_twice_the_thickness_twice(model):
    assert np.ptp(model(np.full((40, 40), 3.0))) < 1e-5
    assert np.allclose(model(2 * THICKNESS), 2 * model(THICKNESS), atol=1e-4)


def test_phase_contrast_has_a_halo_and_fades_in_the_middle():
    image, outside = phase_contrast(THICKNESS, 6.0, 0.9), LABELS == 0
    assert image[LABELS > 0].mean() > 0
    assert image[outside].min() < 0.3 * image.min() < 0
    full = phase_contrast(THICKNESS, 6.0, 0.0)
    assert np.array_equal(full, THICKNESS)
    assert image[60, 52] < 0.5 * full[60, 52]


def test_the_shadow_of_dic_turns_with_the_shear():
    image = differential_interference(THICKNESS, 0.0)
    assert np.allclose(differential_interference(THICKNESS, math.pi), -image, atol=1e-5)
    assert image[60, 36:46].mean() > 0 > image[60, 58:68].mean()
    across = differential_interference(THICKNESS, math.pi / 2)
    assert across[44:54, 52].mean() > 0 > across[66:76, 52].mean()


def test_rims_are_bright_around_and_dark_within_on_one_side_of_focus():
    image = defocused_bright_field(THICKNESS, 2.0)
    assert image[60, 33:36].mean() > 0 > image[60, 38:42].mean()


def test_the_camera_adds_what_it_is_told_and_repeats_by_seed():
    quiet = Exposure(drift=0, texture=0, noise=0)
    clean = expose(THICKNESS, quiet, np.random.default_rng(0))
    expected = np.rint(FULL_SCALE * np.clip(quiet.offset + quiet.gain * THICKNESS / THICKNESS.std(), 0, 1))
    assert clean.dtype == np.uint16
    assert np.allclose(clean, expected, atol=1)
    noisy = [expose(THICKNESS, Exposure(noise=1.0), np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert np.array_equal(noisy[0], noisy[1])
    assert not np.array_equal(noisy[0], noisy[2])
    assert expose(np.zeros((20, 30)), quiet, np.random.default_rng(0)).std() == 0
