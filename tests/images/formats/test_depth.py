"""Every rule makes one plane of several, and the same for tiles, channels and levels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from cellapp.errors import InputError
from cellapp.images.formats.axes import resolve_axes
from cellapp.images.formats.channels_first import levels_of
from cellapp.images.formats.depth import check_depth
from cellapp.types.image import Selection
from tests.images.slides import noise, slide_of

EVERYTHING = (slice(None), slice(None), slice(None))


def level(stored: np.ndarray, axes: str, depth: str, time: int = 0, position: int = 0):
    """The only level of an image read by a rule."""
    info = slide_of(np.zeros((1, 1, 1))).info
    info = type(info)(**{**vars(info), "selection": Selection(time=time, depth=depth)})
    return levels_of([stored], [resolve_axes(axes, stored.shape, "made", depth)], info, position)[0]


def blurred_stack(in_focus: int, n_planes: int) -> np.ndarray:
    """Noise of two channels, (C, Z, Y, X), one bright and one dim, sharp in one plane and more blurred the further."""
    sharp = noise(2, 60, 70, dtype="uint8") * np.array([[[40.0]], [[1.0]]])
    planes = [ndimage.gaussian_filter(sharp, (0, abs(z - in_focus), abs(z - in_focus))) for z in range(n_planes)]
    return np.stack(planes, axis=1).astype(np.uint16)


@given(
    rule=st.sampled_from(["max", "mean", "sharpest", "1", "3"]),
    order=st.permutations("PTCZYX"),
    dtype=st.sampled_from(["uint8", "int16", "uint16", "float32"]),
    data=st.data(),
)
@settings(max_examples=40, deadline=None)
def test_tiles_of_one_time_point_equal_the_reduced_whole(rule, order, dtype, data):
    pixels = noise(2, 3, 2, 4, 11, 13, dtype=dtype)  # positions, time, channels, depth, rows, columns
    position, time = data.draw(st.integers(0, 1)), data.draw(st.integers(0, 2))
    stack = pixels[position, time]
    whole = level(pixels.transpose(["PTCZYX".index(axis) for axis in order]), "".join(order), rule, time, position)
    mean = stack.mean(axis=1, dtype=np.float64)
    expected = {
        "max": stack.max(axis=1),
        "mean": (mean if dtype == "float32" else np.rint(mean)).astype(dtype),
        "1": stack[:, 0],
        "3": stack[:, 2],
    }
    if rule == "sharpest":
        assert any((whole[EVERYTHING] == stack[:, z]).all() for z in range(4))
    else:
        np.testing.assert_array_equal(whole[EVERYTHING], expected[rule])
    y, x = data.draw(st.integers(0, 10)), data.draw(st.integers(0, 12))
    np.testing.assert_array_equal(whole[1:, y : y + 4, x:], whole[EVERYTHING][1:, y : y + 4, x:])
    assert whole[EVERYTHING].dtype == dtype


@pytest.mark.parametrize("in_focus", [0, 2, 4])
def test_the_sharpest_plane_is_the_one_in_focus(in_focus):
    stack = blurred_stack(in_focus, 5)
    np.testing.assert_array_equal(level(stack, "CZYX", "sharpest")[EVERYTHING], stack[:, in_focus])


def test_the_sharpest_plane_of_a_large_image_is_found_on_windows_of_it():
    stack = np.zeros((1, 3, 900, 1000), np.uint8)
    stack[0, 1] = noise(900, 1000, dtype="uint8")
    reads = []

    class Counted:
        dtype, shape = stack.dtype, stack.shape

        def __getitem__(self, key):
            reads.append(stack[key].size)
            return stack[key]

    image = level(Counted(), "CZYX", "sharpest")
    np.testing.assert_array_equal(image[:, 5:9, 7:9], stack[:, 1, 5:9, 7:9])
    image[:, 50:60, 7:9]
    assert max(reads) <= 256 * 256
    assert len(reads) == 3 * 9 + 2, "looked for once"


def test_levels_with_fewer_planes_give_the_same_depth():
    stack = noise(8, 20, 20)
    info = slide_of(np.zeros((1, 1, 1))).info
    info = type(info)(**{**vars(info), "selection": Selection(depth="6")})
    shapes = [stack, stack[::2, ::2, ::2]]
    levels = levels_of(shapes, [resolve_axes("ZYX", each.shape, "made") for each in shapes], info)
    np.testing.assert_array_equal(levels[1][EVERYTHING][0], stack[4, ::2, ::2])


@pytest.mark.parametrize(
    ("depth", "words"),
    [("max", "their maximum"), ("mean", "their mean"), ("sharpest", "the sharpest of them"), ("3", "Plane 3 of 5")],
)
def test_the_rule_is_told(depth, words):
    assert words in check_depth(depth, 5, "a.tif")
    assert check_depth(depth, 1, "a.tif") is None


def test_a_plane_that_is_not_there_is_refused():
    with pytest.raises(InputError, match="'a.tif' has 5 planes of depth, no plane 6; choose one of 1 to 5"):
        check_depth("6", 5, "a.tif")
