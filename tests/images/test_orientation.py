"""The dominant direction, within a degree."""

import numpy as np
import pytest
from scipy import ndimage

from cellapp.images.orientation import dominant_angle


def stripes(angle_deg: float, *, noise: float = 0.0, size: int = 240) -> np.ndarray:
    """Stripes that rise to the right by an angle, as seen with rows growing downwards."""
    y, x = np.mgrid[:size, :size]
    turned = np.deg2rad(angle_deg)
    plane = np.sin(2 * np.pi * (y * np.cos(turned) + x * np.sin(turned)) / 16)
    return plane + np.random.default_rng(1).normal(0, noise, plane.shape)


@pytest.mark.parametrize("noise", [0.0, 0.5])
@pytest.mark.parametrize("angle_deg", range(-30, 31, 5))
def test_stripes_are_found_within_a_degree(angle_deg, noise):
    assert dominant_angle(stripes(angle_deg, noise=noise)) == pytest.approx(angle_deg, abs=1)


@pytest.mark.parametrize("angle_deg", [-80, -45, 45, 60, 90])
def test_steep_stripes_are_found_too(angle_deg):
    assert dominant_angle(stripes(angle_deg)) == pytest.approx(angle_deg, abs=1)


@pytest.mark.parametrize("angle_deg", [-25, 10, 70])
def test_turning_back_by_the_angle_makes_them_horizontal(angle_deg):
    plane = stripes(angle_deg)
    level = ndimage.rotate(plane, -dominant_angle(plane), reshape=False, mode="reflect")[60:180, 60:180]
    assert dominant_angle(level) == pytest.approx(0, abs=1)


def test_channels_of_any_range_count_alike():
    both = np.stack([stripes(15), 1000 * stripes(15) + 5000])
    assert dominant_angle(both) == pytest.approx(15, abs=1)


@pytest.mark.parametrize("seed", range(8))
def test_a_texture_without_direction_is_not_turned(seed):
    blobs = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(256, 256)), 3)
    assert dominant_angle(blobs) == 0


@pytest.mark.parametrize("shape", [(1, 1), (2, 50), (30, 30), (3, 30, 30)])
def test_images_without_edges_are_not_turned(shape):
    assert dominant_angle(np.zeros(shape, np.uint8)) == 0
