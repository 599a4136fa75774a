"""Tables of colours: which are for display only; and other colour spaces."""

import colorsys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cellapp.images.formats.colours import by_table, from_inks, from_luma, is_display_table, straight
from tests.images.slides import noise

RAMP = np.linspace(0, 1, 256)


def ramp(*colour: float) -> np.ndarray:
    return np.rint(255 * RAMP[:, None] * colour).astype(np.uint8)


def through(*colours: tuple[int, int, int]) -> np.ndarray:
    """A table that runs evenly through some colours, as Fire, Ice and Spectrum do."""
    at = np.linspace(0, 1, len(colours))
    return np.stack([np.interp(RAMP, at, part) for part in np.transpose(colours)], axis=1).round().astype(np.uint8)


@given(colour=st.tuples(*[st.floats(0, 1)] * 3).filter(lambda c: max(c) > 0.4), gamma=st.floats(0.5, 2))
@settings(max_examples=30, deadline=None)
def test_a_ramp_of_one_hue_is_for_display(colour, gamma):
    table = np.rint(255 * RAMP[:, None] ** gamma * colour).astype(np.uint8)
    assert is_display_table(table)
    assert is_display_table(np.concatenate([[[0, 0, 255]], table[1:-1], [[255, 0, 0]]])), "marks of a range indicator"


@pytest.mark.parametrize(
    "table",
    [
        through((0, 0, 0), (120, 0, 180), (255, 60, 0), (255, 230, 0), (255, 255, 255)),
        through((68, 1, 84), (33, 145, 140), (253, 231, 37)),
        np.array([colorsys.hsv_to_rgb(i / 256, 1, 1) for i in range(256)]) * 255,
        255 - ramp(1, 1, 0),
    ],
    ids=["fire", "viridis", "spectrum", "falling"],
)
def test_tables_along_a_smooth_curve_are_for_display(table):
    assert is_display_table(table)


@given(seed=st.integers(0, 99), n_colours=st.sampled_from([8, 32, 200, 256]), by_brightness=st.booleans())
@settings(max_examples=20, deadline=None)
def test_the_colours_of_a_photograph_are_not(seed, n_colours, by_brightness):
    stain = np.random.default_rng(seed).dirichlet((1, 1, 1), 9) * 255
    pixels = np.clip(stain[noise(64, 64, dtype="uint8", seed=seed) % 9] + noise(64, 64, 3, dtype="uint8") % 40, 0, 255)
    picture = Image.fromarray(pixels.astype(np.uint8)).quantize(n_colours)
    table = np.array(picture.getpalette()).reshape(-1, 3)
    table = table[np.argsort(table.sum(axis=1))] if by_brightness else table
    padded = np.concatenate([table, np.zeros((256 - len(table), 3), int)])
    assert not is_display_table(padded)


@pytest.mark.parametrize("table", [255 - ramp(1, 1, 1), ramp(1, 1, 1)[::4], ramp(1, 1, 1)[:4]])
def test_other_gray_tables_give_the_gray_they_stand_for(table):
    assert not is_display_table(table)
    indices = (noise(1, 6, 7) % len(table)).astype(np.uint8)
    gray = by_table(table)
    assert gray.n_channels == 1
    np.testing.assert_array_equal(gray.function(indices), table[:, 0][indices])


def test_indices_beyond_the_table_have_its_last_colour():
    table = np.array([[1, 2, 3], [4, 5, 6]], np.uint8)
    np.testing.assert_array_equal(by_table(table).function(np.array([[[0, 1, 200]]]))[:, 0].T, table[[0, 1, 1]])


@pytest.mark.parametrize(("mode", "n", "convert"), [("CMYK", 4, from_inks("uint8", 255)), ("YCbCr", 3, None)])
def test_colours_are_those_of_the_reference_reader(mode, n, convert):
    stored = noise(20, 30, n, dtype="uint8")
    conversion = convert or from_luma((0.299, 0.587, 0.114), (0, 255, 128, 255, 128, 255))
    expected = np.asarray(Image.fromarray(stored, mode).convert("RGB"), dtype=int).transpose(2, 0, 1)
    assert np.abs(conversion.function(stored.transpose(2, 0, 1)) - expected).max() <= 1


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_what_was_multiplied_with_its_opacity_comes_back(dtype):
    top = 1.0 if dtype == "float32" else np.iinfo(dtype).max
    rng = np.random.default_rng(0)
    colours, opacity = rng.random((3, 9, 9)), 0.5 + rng.random((9, 9)) / 2
    stored = np.concatenate([colours * opacity, opacity[None]]) * top
    stored = stored.astype(dtype) if dtype == "float32" else np.rint(stored).astype(dtype)
    back = straight(3, dtype, top).function(stored)
    assert back.dtype == dtype
    np.testing.assert_allclose(back / top, colours, atol=2.1 / 255)
