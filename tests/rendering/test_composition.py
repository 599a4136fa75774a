import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellapp.errors import InputError
from cellapp.rendering import composition
from cellapp.rendering.colours import channel_colours
from cellapp.rendering.composition import Composition, ImageStyle, as_text, from_text
from cellapp.types.image import Role
from tests.images.slides import noise, slide_of

channel = st.tuples(
    st.integers(0, 0xFFFFFF).map("#{:06X}".format), st.integers(0, 999), st.integers(1000, 65535), st.integers(2, 30)
)


@given(channels=st.lists(channel, min_size=1, max_size=6), hide=st.sets(st.integers(0, 5)))
def test_what_is_written_draws_the_same_picture(channels, hide):
    hidden = tuple(sorted(i for i in hide if i < len(channels)))
    before = Composition(
        tuple(c for c, *_ in channels),
        tuple((float(low), float(high)) for _, low, high, _ in channels),
        tuple(gamma / 10 for *_, gamma in channels),
        hidden,
    )
    after = from_text(as_text(before), len(channels))
    pixels = np.random.default_rng(0).integers(0, 2**16, (len(channels), 4, 4)).astype(np.uint16)
    np.testing.assert_array_equal(after.draw(pixels), before.draw(pixels))
    assert as_text(after) == as_text(before)


def test_each_channel_has_its_own_gamma():
    look = Composition(("#FF0000", "#00FF00"), ((0.0, 1.0), (0.0, 1.0)), (1.0, 0.5))
    red, green, _ = look.draw(np.full((2, 1, 1), 0.25, np.float32))[0, 0]
    assert (red, green) == (64, 128)


@pytest.mark.parametrize(
    "text", ["", "FF0000,0,1,1", "red,0,1,1;-", "FF0000,0,1;-", "FF0000,0,nan,1;-", "FF0000,0,1,0;-", "FF0000,0,1,x;-"]
)
def test_anything_else_is_refused_in_words(text):
    with pytest.raises(InputError, match="channel"):
        from_text(text, 2)


def test_hidden_channels_have_one_text_whatever_their_settings():
    one, other = (
        Composition(("#FF0000", colour), ((0, 9), window), (1.0, gamma), hidden=(1,))
        for colour, window, gamma in (("#00FF00", (0, 5), 2.0), ("#0000FF", (3, 4), 0.5))
    )
    assert as_text(one) == as_text(other)
    pixels = np.arange(2 * 3 * 4).reshape(2, 3, 4)
    np.testing.assert_array_equal(one.draw(pixels), other.draw(pixels))


def test_compositions_are_keys():
    one, same = (Composition(("#FF0000",), ((0.0, 9.0),)) for _ in range(2))
    assert {one: 1}[same] == 1


@pytest.fixture
def slide():
    return slide_of(noise(2, 90, 70), channels=("dapi", "gfp"))


def test_a_style_shows_every_part_as_it_shows_the_whole(slide):
    style = ImageStyle.of(slide, slide.info.channels, (Role.NUCLEUS, Role.OTHER))
    whole = style.show(slide.region())
    np.testing.assert_array_equal(style.overview, whole)
    np.testing.assert_array_equal(style.show(slide.region()[:, 20:50, 10:40]), whole[20:50, 10:40])


def test_a_style_of_a_large_image_has_a_small_overview(slide, monkeypatch):
    monkeypatch.setattr(composition, "OVERVIEW_PX", 45)
    style = ImageStyle.of(slide, slide.info.channels, (Role.NUCLEUS, Role.OTHER))
    assert style.overview.shape == (45, 35, 3)
    assert style.scale == 0.5


def test_a_style_takes_colours_from_names_and_roles(slide):
    style = ImageStyle.of(slide, ("x", "y"), (Role.CYTOPLASM, Role.NUCLEUS))
    assert style.composition.colours == channel_colours(("x", "y"), (Role.CYTOPLASM, Role.NUCLEUS))
