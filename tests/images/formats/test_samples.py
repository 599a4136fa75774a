"""What samples mean is applied lazily: any block of what comes out is that block of the converted whole."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from cellapp.images.formats.colours import by_table
from cellapp.images.formats.samples import Samples, TurnedOver, as_stored, top_of
from tests.images.slides import noise


def as_viewers_show(plane: np.ndarray, orientation: int) -> np.ndarray:
    picture = Image.fromarray(plane)
    picture.getexif()[274] = orientation
    return np.asarray(ImageOps.exif_transpose(picture))


def block(data, shape: tuple[int, ...]) -> tuple[slice, ...]:
    key = []
    for n in shape:
        start, stop = sorted((data.draw(st.integers(0, n)), data.draw(st.integers(0, n + 2))))
        key.append(slice(start, stop, data.draw(st.sampled_from([None, 1, 2, 3]))))
    return tuple(key)


@given(orientation=st.integers(1, 8), height=st.integers(1, 9), width=st.integers(1, 9), data=st.data())
@settings(max_examples=60, deadline=None)
def test_any_block_is_that_of_the_upright_picture(orientation, height, width, data):
    stored = noise(3, height, width, dtype="uint8")
    level = Samples(orientation=orientation).meant(stored)
    upright = np.stack([as_viewers_show(plane, orientation) for plane in stored])
    assert level.shape == upright.shape
    key = block(data, upright.shape)
    np.testing.assert_array_equal(level[key], upright[key])


@given(kept=st.sampled_from([(0,), (0, 1, 2), (1, 3), (0, 2, 3)]), data=st.data())
@settings(max_examples=20, deadline=None)
def test_channels_that_are_left_out_are_no_part_of_any_block(kept, data):
    stored = noise(4, 6, 7)
    level = Samples(kept=kept, orientation=data.draw(st.sampled_from([1, 3]))).meant(stored)
    meant = stored[list(kept)]
    meant = meant if level.samples.orientation == 1 else meant[:, ::-1, ::-1]
    key = block(data, meant.shape)
    np.testing.assert_array_equal(level[key], meant[key])


@pytest.mark.parametrize("orientation", [0, 1, 9, 274])
def test_what_needs_no_step_gets_none(orientation):
    stored = noise(2, 5, 6)
    samples = Samples().upright(orientation)
    assert samples.meant(stored) is stored
    assert samples.notes == ()


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "int8", "float32", "bool"])
def test_turned_over_twice_is_what_it_was(dtype):
    stored = noise(4, 5, dtype=dtype) if dtype != "bool" else noise(4, 5) > 2**15
    top = -1 if dtype.startswith("int") else top_of(dtype)
    once = TurnedOver(stored, top)
    order = np.argsort(stored, axis=None, kind="stable")
    assert (np.diff(once[:, :].ravel()[order].astype(float)) <= 0).all()
    assert once[:, :].dtype == stored.dtype
    np.testing.assert_allclose(TurnedOver(once, top)[1:3, ::2].astype(float), stored[1:3, ::2].astype(float), atol=1e-6)


def test_ids_of_labels_are_the_numbers_below_their_colours():
    stored = noise(1, 5, 6, dtype="uint8") % 4
    table = np.array([[0, 0, 0], [255, 0, 0], [0, 255, 0], [9, 9, 255]], np.uint8)
    level = Samples(conversion=by_table(table)).upright(3).meant(stored)
    assert level.shape == (3, 5, 6)
    np.testing.assert_array_equal(level[:, :, :], table[stored[0]].transpose(2, 0, 1)[:, ::-1, ::-1])
    np.testing.assert_array_equal(as_stored(level)[:, :, :], stored[:, ::-1, ::-1])
