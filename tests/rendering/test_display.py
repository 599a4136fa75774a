"""What is shown is what is there, in colours, and never changes the pixels."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cellapp.images.sampling import read_at_most
from cellapp.rendering.annotations import draw_outlines
from cellapp.rendering.colours import channel_colours, dye_colour, rgb
from cellapp.rendering.display import default_window, thumbnail, to_display
from cellapp.types.image import Role
from tests.images.slides import Undecodable, noise, slide_of

PHOTO = ("red", "green", "blue")


@given(pixels=arrays(np.uint8, (3, 4, 5)))
def test_a_photo_is_shown_as_it_is(pixels):
    colours = channel_colours(PHOTO, (Role.OTHER,) * 3)
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
    ("names", "roles", "colours"),
    [
        (("gray",), (Role.OTHER,), ("#FFFFFF",)),
        (("DAPI", "Alexa 488"), (Role.NUCLEUS, Role.OTHER), ("#4D79FF", "#00D26A")),
        (("Cy5 far red", "TRITC", "orange"), (Role.OTHER,) * 3, ("#FF5CE1", "#FF9A3D", "#FFE14D")),
        (("a", "b"), (Role.CYTOPLASM, Role.NUCLEUS), ("#00D26A", "#4D79FF")),
    ],
)
def test_colours_are_those_of_the_dye_then_of_the_role(names, roles, colours):
    assert channel_colours(names, roles) == colours


@given(n=st.integers(2, 16))
def test_channels_get_distinct_colours_while_there_are_some(n):
    colours = channel_colours([f"channel {i}" for i in range(n)], [Role.OTHER] * n)
    assert len(colours) == n
    assert len(set(colours)) == min(n, 8)
    assert all(max(rgb(colour)) > 200 for colour in colours)


def test_unknown_dyes_have_no_colour():
    assert dye_colour("channel 1") is None
    assert dye_colour("Far Red") == dye_colour("Cy5")


@settings(max_examples=30)
@given(height=st.integers(1, 60), width=st.integers(1, 60), at_most=st.integers(1, 70))
def test_overviews_are_small_enough_and_hold_true_pixels(height, width, at_most):
    pixels = noise(2, height, width)
    overview, scale = read_at_most(slide_of(pixels), at_most)
    assert max(overview.shape[1:]) <= at_most
    assert overview.dtype == pixels.dtype
    step = round(1 / scale)
    np.testing.assert_array_equal(overview, pixels[:, ::step, ::step])


def test_overviews_come_from_the_coarsest_level_that_is_large_enough():
    levels = (Undecodable(1, 4000, 4000), np.ones((1, 2000, 2000), np.uint8), np.full((1, 500, 500), 2, np.uint8))
    overview, scale = read_at_most(slide_of(*levels), 1000)
    assert overview.shape == (1, 1000, 1000)
    assert scale == pytest.approx(0.25)
    assert overview.max() == 1
    assert read_at_most(slide_of(*levels), 400)[0].max() == 2


def test_bands_of_a_tall_image_join_without_seams():
    pixels = np.arange(5000, dtype=np.uint16).reshape(1, 5000, 1).repeat(3, axis=2)
    overview, scale = read_at_most(slide_of(pixels), 700)
    assert overview.shape[1] <= 700
    assert set(np.diff(overview[0, :, 0]).tolist()) == {round(1 / scale)}


def test_an_overview_never_holds_the_full_image():
    class Made:
        shape, dtype = (1, 20_000, 4_000), np.dtype(np.uint8)

        def __getitem__(self, key):
            _, rows, columns = key
            return np.zeros((1, len(range(20_000)[rows]), len(range(4_000)[columns])), np.uint8)

    tracemalloc.start()
    read_at_most(slide_of(Made()), 500)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000 * 4_000 / 3


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


LABELS = np.zeros((12, 12), np.int32)
LABELS[2:10, 2:6], LABELS[2:10, 6:10] = 5, 900_000_001


def test_outlines_lie_inside_so_that_touching_cells_stay_apart():
    drawn = draw_outlines(np.zeros((12, 12, 3), np.uint8), LABELS, {5: "#FF0000", 900_000_001: "#00FF00"})
    assert (drawn[2:10, 5] == (255, 0, 0)).all()
    assert (drawn[2:10, 6] == (0, 255, 0)).all()
    assert not drawn[3:9, 3:5].any()
    assert not drawn[LABELS == 0].any()


def test_only_named_cells_are_drawn_and_one_colour_draws_all():
    blank = np.zeros((12, 12, 3), np.uint8)
    assert set(np.unique(LABELS[draw_outlines(blank, LABELS, {5: "#FF0000", 77: "#FFFFFF"}).any(axis=2)])) == {5}
    assert set(np.unique(LABELS[draw_outlines(blank, LABELS, "#FFFFFF").any(axis=2)])) == {5, 900_000_001}
    assert not draw_outlines(blank, LABELS, {}).any()


def test_zero_cells_leave_the_picture_and_opacity_mixes():
    picture = noise(12, 12, 3, dtype="uint8")
    before = picture.copy()
    np.testing.assert_array_equal(draw_outlines(picture, np.zeros_like(LABELS), "#FFFFFF"), picture)
    np.testing.assert_array_equal(draw_outlines(picture, LABELS, "#FFFFFF", 0.0), picture)
    half = draw_outlines(np.zeros((12, 12, 3), np.uint8), LABELS, "#FF0000", 0.5)
    assert half.max() == 128
    np.testing.assert_array_equal(picture, before)


@pytest.mark.parametrize("width_px", [1, 2, 3])
def test_lines_are_as_wide_as_asked(width_px):
    labels = np.zeros((40, 40), np.uint16)
    labels[5:35, 5:35] = 1
    drawn = draw_outlines(np.zeros((40, 40, 3), np.uint8), labels, "#FFFFFF", width_px=width_px).any(axis=2)
    assert drawn[20].nonzero()[0].tolist() == [*range(5, 5 + width_px), *range(35 - width_px, 35)]
