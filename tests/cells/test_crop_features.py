"""Measurements of encoder input: what they are of, and what they must not depend on."""

import numpy as np
import pytest

from cellapp.cells.crop_features import MEASURED, central_objects, measure_planes
from cellapp.encoders.views import view


def disc(side=64, radius=12, centre=(32, 32)):
    y, x = np.mgrid[:side, :side]
    return ((y - centre[0]) ** 2 + (x - centre[1]) ** 2 <= radius**2).astype(np.float32)


def column(crops, name):
    return measure_planes(crops)[:, MEASURED.index(name)]


def noisy(n, side=64, seed=0):
    return np.random.default_rng(seed).random((n, 3, side, side), dtype=np.float32)


@pytest.mark.parametrize("n", [0, 1, 3])
def test_one_row_per_crop_and_one_column_per_name(n):
    found = measure_planes(noisy(n))
    assert found.shape == (n, len(MEASURED))
    assert np.isfinite(found).all()


def test_a_disc_is_measured_as_one():
    crop = np.stack([disc(), disc(radius=20), disc(radius=6)])[None]
    for plane, radius in zip(("red", "green", "blue"), (12, 20, 6), strict=True):
        assert column(crop, f"{plane}_area")[0] == pytest.approx(np.pi * radius**2 / 64**2, rel=0.25)
    assert column(crop, "red_eccentricity")[0] < 0.2
    assert column(crop, "red_solidity")[0] > 0.9
    assert column(crop, "red_inside_red")[0] > 0.8
    assert column(crop, "red_outside_red")[0] < 0.1


def test_darker_than_the_rim_is_an_object_too():
    bright, dark = disc()[None], 1 - disc()[None]
    np.testing.assert_array_equal(central_objects(bright), central_objects(dark))


def test_the_object_in_the_middle_counts_and_holes_are_filled():
    ring = disc(radius=12) - disc(radius=5)
    found = central_objects((ring + disc(radius=6, centre=(8, 8)))[None])[0]
    assert found[32, 32]
    assert not found[8, 8]


def test_no_contrast_is_no_object():
    assert not central_objects(np.full((2, 16, 16), 0.3)).any()
    np.testing.assert_array_equal(column(np.zeros((1, 3, 16, 16), np.float32), "blue_area"), [0])


def test_a_row_depends_on_its_crop_alone():
    crops = noisy(5)
    np.testing.assert_allclose(measure_planes(crops)[3], measure_planes(crops[3:4])[0], rtol=1e-5)


@pytest.mark.parametrize("number", [1, 5])
def test_turning_changes_nothing(number):
    crops = noisy(3) * 0.2 + np.stack([disc(), disc(radius=20), disc(radius=6)])
    np.testing.assert_allclose(measure_planes(view(crops, number)), measure_planes(crops), rtol=0.03, atol=0.01)


def test_larger_inputs_give_nearly_the_same_numbers():
    small = np.stack([disc(), disc(radius=20), disc(radius=6)])[None]
    large = small.repeat(4, axis=-1).repeat(4, axis=-2)
    np.testing.assert_allclose(measure_planes(large), measure_planes(small), atol=1e-6)
