"""Colours of classes and channels: fixed meanings, no doubles while there is a choice."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellapp.rendering.colours import (
    CLASS_COLOURS,
    DIVERGING,
    FURTHER_COLOURS,
    channel_colours,
    class_colour,
    dye_colour,
    rgb,
)
from cellapp.types.image import Role

NAMES = st.lists(st.text("abcdefgh", min_size=1, max_size=4), min_size=1, max_size=9, unique=True)


def luminance(colour: str) -> float:
    """Relative luminance, 0 to 1 (ITU-R BT.709, without gamma)."""
    return float(np.dot([0.2126, 0.7152, 0.0722], rgb(colour)) / 255)


@given(red=st.integers(0, 255), green=st.integers(0, 255), blue=st.integers(0, 255))
def test_a_colour_is_split_into_its_parts(red, green, blue):
    assert rgb(f"#{red:02X}{green:02x}{blue:02X}") == (red, green, blue)


@pytest.mark.parametrize("name", list(CLASS_COLOURS))
def test_known_classes_keep_their_colour_whatever_the_head_has(name):
    assert class_colour(name) == class_colour(name, ("other", name)) == CLASS_COLOURS[name]


@given(classes=NAMES, order=st.randoms(use_true_random=False))
def test_a_class_has_one_colour_in_whatever_order_classes_come(classes, order):
    mixed = order.sample(classes, len(classes))
    assert {name: class_colour(name, tuple(classes)) for name in classes} == {
        name: class_colour(name, tuple(mixed)) for name in mixed
    }
    colours = {class_colour(name, tuple(classes)) for name in classes}
    assert len(colours) == min(len(classes), len(FURTHER_COLOURS))


@given(classes=NAMES)
def test_fixed_classes_take_no_further_colour_from_the_others(classes):
    mixed = ("cancer", *classes, "normal")
    assert [class_colour(name, mixed) for name in classes] == [class_colour(name, tuple(classes)) for name in classes]


def test_a_class_the_head_does_not_have_still_gets_a_colour():
    assert class_colour("unheard of", ("a", "b")) in FURTHER_COLOURS


def test_class_colours_are_distinct():
    assert len(set(CLASS_COLOURS.values())) == len(CLASS_COLOURS)
    assert len(set(FURTHER_COLOURS)) == len(FURTHER_COLOURS)


def test_signed_maps_are_white_in_the_middle_and_as_far_from_it_on_both_sides():
    positions, colours = zip(*DIVERGING, strict=True)
    assert positions == (0.0, 0.5, 1.0)
    assert colours[1] == "#FFFFFF"
    assert colours[0] != colours[2]
    assert abs(luminance(colours[0]) - luminance(colours[2])) < 0.15


@pytest.mark.parametrize(
    ("name", "same_as"),
    [("Alexa 488", "GFP"), ("DAPI (nuclei)", "Hoechst 33342"), ("Cy5 far red", "647 nm"), ("TexasRed", "mCherry")],
)
def test_dyes_of_one_range_have_one_colour(name, same_as):
    assert dye_colour(name) == dye_colour(same_as) is not None


def test_the_longest_name_in_a_channel_decides():
    assert dye_colour("far red") != dye_colour("red")
    assert dye_colour("far red") == dye_colour("Cy5")


@given(name=st.text("dapiDAPI", min_size=4, max_size=4))
def test_case_does_not_matter(name):
    assert dye_colour(name) == dye_colour(name.lower())


@given(n=st.integers(2, 8), role=st.sampled_from([Role.NUCLEUS, Role.CYTOPLASM, Role.OTHER]))
def test_every_channel_is_readable_on_black(n, role):
    colours = channel_colours([f"channel {i + 1}" for i in range(n)], [role] * n)
    assert len(colours) == n
    assert min(map(luminance, colours)) > 0.25


def test_roles_colour_channels_whose_name_says_nothing():
    nucleus, cytoplasm = channel_colours(("a", "b"), (Role.NUCLEUS, Role.CYTOPLASM))
    assert (nucleus, cytoplasm) == (dye_colour("dapi"), dye_colour("gfp"))


@given(st.lists(st.sampled_from("abcdefgh"), unique=True, min_size=1, max_size=5))
def test_every_class_has_a_colour_of_its_own(names):
    classes = ("cancer", "normal", *names)
    colours = [class_colour(name, classes) for name in classes]
    assert len(set(colours)) == len(colours)


def test_fixed_classes_keep_their_colours():
    assert class_colour("cancer") == "#D55E00" == CLASS_COLOURS["cancer"]
    assert class_colour("normal", ("normal",)) == "#0072B2"
    assert rgb("#D55E00") == (213, 94, 0)


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
