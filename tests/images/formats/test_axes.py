"""Any stored order of axes reads as (C, Y, X)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellapp.errors import InputError
from cellapp.images.formats.axes import Layout, resolve_axes
from cellapp.images.formats.channels_first import ChannelsFirst, Stacked

EVERYTHING = (slice(None), slice(None), slice(None))


def view(stored: np.ndarray, axes: str) -> ChannelsFirst:
    return ChannelsFirst(stored, resolve_axes(axes, stored.shape, "made"), "made")


@given(order=st.permutations("CYX"), data=st.data())
def test_every_order_of_axes_gives_the_same_block(order, data):
    pixels = np.arange(3 * 7 * 5, dtype=np.uint16).reshape(3, 7, 5)
    stored = pixels.transpose(["CYX".index(letter) for letter in order])
    block = tuple(
        slice(*sorted(data.draw(st.tuples(st.integers(0, n), st.integers(0, n)), label="from, to")))
        for n in pixels.shape
    )
    np.testing.assert_array_equal(view(stored, "".join(order))[block], pixels[block])


@pytest.mark.parametrize(
    ("axes", "shape", "expected"),
    [
        ("YX", (20, 30), (1, 20, 30)),
        ("YXS", (20, 30, 3), (3, 20, 30)),
        ("SYX", (4, 20, 30), (4, 20, 30)),
        ("TCZYX", (1, 2, 1, 20, 30), (2, 20, 30)),
        ("TCZYXS", (1, 2, 1, 20, 30, 3), (6, 20, 30)),
        ("QYX", (16, 20, 30), (16, 20, 30)),
        ("QYX", (200, 300, 5), (5, 200, 300)),
        ("IYX", (200, 300, 2), (2, 200, 300)),
        ("CYX", (40, 20, 30), (40, 20, 30)),
        ("YX", (1, 1), (1, 1, 1)),
    ],
)
def test_shapes_follow_the_meaning_of_axes(axes, shape, expected):
    stored = np.zeros(shape, np.uint8)
    assert view(stored, axes).shape == view(stored, axes)[EVERYTHING].shape == expected


@pytest.mark.parametrize(
    ("axes", "shape", "words"),
    [
        ("QYX", (40, 200, 300), "stack of 40 pages that does not say what they are"),
        ("QCYX", (2, 2, 20, 30), "stack of 2 pages"),
        ("YX", (0, 30), "holds no image"),
        ("CZ", (2, 3), "holds no image"),
    ],
)
def test_what_is_not_one_image_is_refused(axes, shape, words):
    with pytest.raises(InputError, match=words):
        resolve_axes(axes, shape, "made")


def test_depth_is_its_maximum_and_is_said():
    stack = np.random.default_rng(0).integers(0, 255, (2, 5, 8, 9), dtype=np.uint8)
    projected = view(stack, "CZYX")
    np.testing.assert_array_equal(projected[:, 2:5, 1:], stack.max(axis=1)[:, 2:5, 1:])
    assert projected.layout.notes == ("5 planes of depth are shown and analysed as their maximum.",)


def test_guessed_channels_are_said_and_declared_ones_not():
    assert "3 pages are read as 3 channels." in resolve_axes("IYX", (3, 20, 30), "made").notes
    assert "4 channels" in resolve_axes("QYX", (50, 60, 4), "made").notes[0]
    assert resolve_axes("CYX", (3, 20, 30), "made").notes == ()


@pytest.mark.parametrize("n_pages", [2, 4, 5, 16])
def test_more_unnamed_pages_than_stains_are_asked_about(n_pages):
    (note,) = resolve_axes("QYX", (n_pages, 20, 30), "made").notes
    assert note.startswith(f"{n_pages} pages are read as {n_pages} channels.")
    assert ("ImageJ hyperstack" in note) == (n_pages > 4)


def test_blocks_are_copies_in_native_byte_order():
    stored = np.arange(12, dtype=">u2").reshape(1, 3, 4)
    block = view(stored, "CYX")[EVERYTHING]
    block[:] = 0
    assert stored.max() == 11
    assert block.dtype == np.uint16
    assert block.dtype.isnative


def test_broken_storage_is_an_input_error():
    class Broken:
        dtype = np.dtype(np.uint8)

        def __getitem__(self, key):
            raise ValueError("bad tile")

    with pytest.raises(InputError, match=r"'a.tif' is damaged .*bytes in it were changed"):
        ChannelsFirst(Broken(), Layout("YX", (4, 4)), "a.tif")[EVERYTHING]


def test_stacked_channels_keep_values_of_mixed_types():
    small, large = np.full((1, 4, 5), 200, np.uint8), np.full((1, 4, 5), 60_000, np.uint16)
    stack = Stacked((small, large))
    assert stack.shape == (2, 4, 5)
    assert stack[:, 1:3, :].tolist() == [[[200] * 5] * 2, [[60_000] * 5] * 2]
    assert stack[1:, :, ::2].shape == (1, 4, 3)


def test_of_a_colour_picture_the_brightest_colour_counts():
    green = np.zeros((3, 2, 2), np.uint8)
    green[1] = 7
    assert Stacked((green,))[EVERYTHING].tolist() == [[[7, 7], [7, 7]]]
