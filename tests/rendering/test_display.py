"""What is shown is what is there, in colours, and never changes the pixels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cellapp.rendering.colours import channel_colours
from cellapp.rendering.display import default_window, thumbnail, to_display
from cellapp.types.image import Role
from tests.images.slides import noise, slide_of

PHOTO = (Role.COLOUR,) * 3


@given(pixels=arrays(np.uint8, (3, 4, 5)))
def test_a_photo_is_shown_as_it_is(pixels):
    colours = channel_colours(("a", "b", "c"), PHOTO)
    shown = to_display(pixels, colours, default_window(pixels, PHOTO))
    np.testing.assert_array_equal(shown, pixels.transpose(1, 2, 0))


@given(order=st.permutations(range(3)))
def test_the_order_of_channels_does_not_change_the_picture(order):
    pixels, colours, windows = noise(3, 6, 7), ("#4D79FF", "#00D26A", "#FF9A3D"), ((0, 9000), (500, 65_000), (0, 1))
    moved = to_display(pixels[list(order)], [colours[i] for i in order], [windows[i] for i in order])
    difference = moved.astype(int) - to_display(pixels, colours, windows)
    assert np.abs(difference).max() <= 1  # sums of floats may round either way


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "float32", "float64", "bool"])
def test_any_dtype_is_shown_from_black_to_full_colour(dtype):
    plane = np.linspace(0, 1 if dtype in ("float32", "float64", "bool") else 100, 256).reshape(1, 16, 16).astype(dtype)
    shown = to_display(plane, ["#FF8000"], default_window(plane))
    assert shown.dtype == np.uint8
    assert shown.shape == (16, 16, 3)
    assert shown.reshape(-1, 3).min(axis=0).tolist() == [0, 0, 0]
    assert shown.reshape(-1, 3).max(axis=0).tolist() == [255, 128, 0]


def test_hidden_channels_add_nothing():
    pixels = noise(2, 5, 6)
    windows = default_window(pixels)
    both = to_display(pixels, ["#FF0000", "#00FF00"], windows)
    red = to_display(pixels, ["#FF0000", "#00FF00"], windows, hidden={1})
    assert not red[..., 1:].any()
    np.testing.assert_array_equal(red[..., 0], both[..., 0])
    assert not to_display(pixels, ["#FF0000", "#00FF00"], windows, hidden=(0, 1)).any()


def test_gamma_lifts_the_dark_and_keeps_the_ends():
    ramp = np.linspace(0, 1, 11, dtype=np.float32).reshape(1, 1, 11)
    plain, lifted = (to_display(ramp, ["#FFFFFF"], [(0, 1)], gamma=gamma)[0, :, 0] for gamma in (1.0, 0.5))
    assert (lifted[1:-1] > plain[1:-1]).all()
    assert lifted[[0, -1]].tolist() == plain[[0, -1]].tolist() == [0, 255]


@pytest.mark.parametrize("value", [0, 7, 65_535])
def test_one_colour_images_and_nan_are_shown(value):
    plane = np.full((1, 4, 5), value, np.uint16)
    ((low, high),) = default_window(plane)
    assert (low, high) == (value, value + 1)
    assert not to_display(plane, ["#FFFFFF"], [(low, high)]).any()
    assert default_window(np.full((1, 2, 2), np.nan)) == ((0.0, 1.0),)
    assert not to_display(np.full((1, 2, 2), np.nan), ["#FFFFFF"], [(0, 1)]).any()


def test_a_few_hot_pixels_do_not_darken_the_picture():
    plane = noise(1, 200, 200, dtype="uint8").astype(np.uint16)
    hot = plane.copy()
    hot[0, 0, :2] = 65_535
    assert default_window(hot) == default_window(plane)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((3, 1000, 500), (256, 128, 3)),
        ((1, 1, 1), (1, 1, 3)),
        ((2, 1, 5000), (1, 256, 3)),
        ((4, 100, 90), (100, 90, 3)),
    ],
)
def test_thumbnails_keep_the_shape_of_the_image(shape, expected):
    picture = thumbnail(slide_of(noise(*shape)))
    assert picture.shape == expected
    assert picture.dtype == np.uint8
