"""The three planes of the encoder depend on what channels show, not on where they are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.encoders.crop_to_rgb import encoder_input
from cellapp.errors import InputError
from cellapp.types.cells import Crops
from cellapp.types.image import Role

NUCLEUS, CYTOPLASM, OTHER = Role.NUCLEUS, Role.CYTOPLASM, Role.OTHER


def make(pixels, channels):
    return Crops([p.astype(np.float32) for p in pixels], np.arange(1, len(pixels) + 1, dtype=np.int32), tuple(channels))


def constant(*values, shape=(8, 8)):
    return np.stack([np.full(shape, value) for value in values])


def test_roles_decide_the_plane():
    crops = make([constant(0.1, 0.2, 0.3, 0.5)], ["orange", "nucleus", "cytoplasm", "zo"])
    planes = encoder_input(crops, [OTHER, NUCLEUS, CYTOPLASM, OTHER], 8)[0]
    np.testing.assert_allclose(planes.mean(axis=(1, 2)), [0.3, 0.3, 0.2], atol=1e-6)


def test_a_second_channel_of_a_role_counts_as_other():
    crops = make([constant(0.1, 0.2, 0.3)], ["cytoplasm", "actin", "nucleus"])
    planes = encoder_input(crops, [CYTOPLASM, CYTOPLASM, NUCLEUS], 8)[0]
    np.testing.assert_allclose(planes.mean(axis=(1, 2)), [0.1, 0.2, 0.3], atol=1e-6)


def test_an_absent_role_is_zero():
    planes = encoder_input(make([constant(0.4, 0.6)], ["a", "b"]), [OTHER, NUCLEUS], 8)[0]
    np.testing.assert_allclose(planes.mean(axis=(1, 2)), [0.4, 0, 0.6], atol=1e-6)


def test_one_channel_fills_all_planes():
    planes = encoder_input(make([constant(0.7)], ["gray"]), [OTHER], 8)[0]
    np.testing.assert_allclose(planes, 0.7, atol=1e-6)


def test_a_photo_keeps_its_colours():
    crops = make([constant(0.1, 0.2, 0.3)], ["c", "b", "a"])
    planes = encoder_input(crops, [Role.COLOUR] * 3, 8)[0]
    np.testing.assert_allclose(planes.mean(axis=(1, 2)), [0.1, 0.2, 0.3], atol=1e-6)


@given(order=st.permutations(range(3)))
def test_three_channels_without_roles_have_a_plane_each_whatever_their_order(order):
    names, pixels = ["405", "488", "561"], constant(0.1, 0.2, 0.3)
    planes = encoder_input(make([pixels[order]], [names[i] for i in order]), [OTHER] * 3, 8)[0]
    np.testing.assert_allclose(planes.mean(axis=(1, 2)), [0.1, 0.2, 0.3], atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(order=st.permutations(range(4)), roles=st.lists(st.sampled_from(list(Role)), min_size=4, max_size=4))
def test_the_order_of_channels_does_not_matter(order, roles):
    names = ["orange", "dapi", "actin", "tubulin"]
    pixels = np.random.default_rng(0).random((4, 11, 7)).astype(np.float32)
    straight = encoder_input(make([pixels], names), roles, 16)
    turned = encoder_input(make([pixels[order]], [names[i] for i in order]), [roles[i] for i in order], 16)
    np.testing.assert_array_equal(straight, turned)


@settings(max_examples=40, deadline=None)
@given(height=st.integers(1, 40), width=st.integers(1, 40), side=st.sampled_from([8, 14, 32]))
def test_letterboxing_keeps_the_aspect_and_the_range(height, width, side):
    crops = make([np.ones((1, height, width))], ["gray"])
    plane = encoder_input(crops, [OTHER], side)[0, 0]
    rows, columns = np.nonzero(plane > 0.5)
    tall, wide = np.ptp(rows) + 1, np.ptp(columns) + 1
    scale = side / max(height, width)
    assert max(tall, wide) == side
    assert abs(tall - height * scale) <= 1
    assert abs(wide - width * scale) <= 1
    assert plane.min() >= 0
    assert plane.max() <= 1 + 1e-6


def test_crops_of_the_right_side_are_not_touched():
    pixels = np.random.default_rng(0).random((1, 16, 16)).astype(np.float32)
    np.testing.assert_array_equal(encoder_input(make([pixels], ["gray"]), [OTHER], 16)[0, 0], pixels[0])


def test_shrinking_does_not_alias():
    stripes = np.tile([0.0, 1.0], 64)[None, None, :].repeat(128, axis=1)
    plane = encoder_input(make([stripes], ["gray"]), [OTHER], 16)[0, 0]
    np.testing.assert_allclose(plane, 0.5, atol=0.05)


@pytest.mark.parametrize("n", [0, 1, 3])
def test_one_row_per_crop(n):
    assert encoder_input(make([constant(0.5)] * n, ["gray"]), [OTHER], 8).shape == (n, 3, 8, 8)


def test_an_empty_crop_is_black():
    assert not encoder_input(make([np.zeros((1, 0, 5))], ["gray"]), [OTHER], 8).any()


def test_raw_pixels_are_refused():
    crops = Crops([np.ones((1, 4, 4), np.uint16)], np.array([1]), ("gray",))
    with pytest.raises(InputError, match="uint16"):
        encoder_input(crops, [OTHER], 8)


def test_roles_must_match_channels():
    with pytest.raises(InputError, match="2 roles for 1 channels"):
        encoder_input(make([constant(0.5)], ["gray"]), [OTHER, OTHER], 8)
