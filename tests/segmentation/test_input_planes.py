"""The planes a segmenter sees depend on roles and on light, not on places."""

import numpy as np
import pytest

from cellapp.errors import InputError
from cellapp.segmentation.input_planes import Polarity, has_bright_background, select_planes
from cellapp.types.image import Role
from tests.segmentation.phantoms import glowing, grid_of_discs

OTHER, CYTOPLASM, NUCLEUS = Role.OTHER, Role.CYTOPLASM, Role.NUCLEUS


@pytest.fixture
def pixels():
    return np.random.default_rng(0).random((3, 6, 7), np.float32)


def test_roles_choose_the_planes(pixels):
    planes = select_planes(pixels, (NUCLEUS, OTHER, CYTOPLASM))
    np.testing.assert_array_equal(planes.body, pixels[2])
    np.testing.assert_array_equal(planes.nucleus, pixels[0])
    np.testing.assert_allclose(planes.outline, np.sqrt(pixels[2]))


def test_nuclei_alone_are_the_cells(pixels):
    planes = select_planes(pixels, (NUCLEUS, OTHER, OTHER))
    np.testing.assert_array_equal(planes.body, pixels[0])
    assert planes.nucleus is None


def test_two_cytoplasm_channels_are_averaged_in_any_order(pixels):
    one = select_planes(pixels, (CYTOPLASM, CYTOPLASM, NUCLEUS))
    other = select_planes(pixels[[1, 2, 0]], (CYTOPLASM, NUCLEUS, CYTOPLASM))
    np.testing.assert_array_equal(one.body, other.body)


def test_a_photo_becomes_its_luminance():
    photo = np.zeros((3, 5, 5), np.float32)
    photo[:, 2, 2] = [1, 0, 0]
    assert select_planes(photo, (Role.COLOUR,) * 3).body[2, 2] == pytest.approx(0.2126)


def test_three_stains_are_never_weighed_as_red_green_and_blue(pixels):
    planes = select_planes(pixels, (OTHER,) * 3, Polarity())
    np.testing.assert_allclose(planes.body, pixels.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(select_planes(pixels[[2, 0, 1]], (OTHER,) * 3, Polarity()).body, planes.body, rtol=1e-6)


def test_only_the_dark_on_bright_is_turned_over():
    bright_cells = glowing(grid_of_discs(12))
    assert not select_planes(bright_cells, (OTHER,)).inverted
    turned = select_planes(1 - bright_cells, (OTHER,))
    assert turned.inverted
    assert turned.body[grid_of_discs(12) > 0].mean() > turned.body[grid_of_discs(12) == 0].mean()


def test_declared_channels_are_never_turned_over():
    assert not select_planes(1 - glowing(grid_of_discs(12)), (CYTOPLASM,)).inverted


def test_a_constant_plane_has_no_bright_background():
    assert not has_bright_background(np.ones((4, 4)))


def test_one_role_per_channel(pixels):
    with pytest.raises(InputError, match="one role per channel"):
        select_planes(pixels, (OTHER,))
