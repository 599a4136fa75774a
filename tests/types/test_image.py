"""A slide gives the pixels of any rectangle, clipped, and decodes no others."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellapp.errors import InputError
from cellapp.types.image import ImageInfo, Region, Role, Selection, Slide
from tests.cells.toy import slide_of

PIXELS = np.arange(2 * 12 * 17, dtype=np.uint16).reshape(2, 12, 17)
regions = st.builds(Region, st.integers(-20, 20), st.integers(-20, 25), st.integers(0, 30), st.integers(0, 30))


class Recorded:
    """An array that notes how many pixels of each channel are decoded."""

    def __init__(self, array):
        self.array, self.shape, self.dtype, self.decoded = array, array.shape, array.dtype, []

    def __getitem__(self, key):
        block = self.array[key]
        self.decoded.append(block[0].size)
        return block


def pyramid(pixels=PIXELS):
    slide = slide_of(pixels)
    half = Recorded(pixels[:, ::2, ::2])
    levels = (Recorded(pixels), half)
    return Slide(replace(slide.info, levels=(pixels.shape[1:], half.shape[1:])), slide.digest, levels)


@given(regions)
def test_a_rectangle_has_the_pixels_that_lie_in_the_image(region):
    padded = np.pad(PIXELS, ((0, 0), (60, 60), (60, 60)), constant_values=2**16 - 1)
    rows, columns = region.slices
    window = padded[:, rows.start + 60 : rows.stop + 60, columns.start + 60 : columns.stop + 60]
    found = slide_of(PIXELS).region(region)
    assert sorted(found.ravel()) == sorted(window[window < 2**16 - 1])
    assert found.dtype == PIXELS.dtype


@given(regions)
def test_no_pixel_outside_the_rectangle_is_decoded(region):
    slide = pyramid()
    slide.region(region)
    assert sum(slide.levels[0].decoded) <= region.height * region.width
    assert slide.levels[1].decoded == []


def test_without_a_rectangle_a_level_is_whole():
    slide = pyramid()
    np.testing.assert_array_equal(slide.region(), PIXELS)
    np.testing.assert_array_equal(slide.region(level=1), PIXELS[:, ::2, ::2])
    assert slide.whole == Region(0, 0, 12, 17)
    np.testing.assert_array_equal(PIXELS[0][slide.whole.slices], PIXELS[0])


def test_a_slide_has_the_levels_and_the_names_its_header_declares():
    slide = slide_of(PIXELS)
    with pytest.raises(InputError, match="declares 1 levels but has 2"):
        Slide(slide.info, slide.digest, (PIXELS, PIXELS))
    with pytest.raises(InputError, match="2 channels but 1 names: a"):
        slide_of(PIXELS, ("a",))


@pytest.mark.parametrize(("dtype", "size"), [("uint8", 1), ("uint16", 2), ("float32", 4)])
def test_the_header_tells_what_decoding_costs(dtype, size):
    info = ImageInfo("a.tif", "tiff", (3, 10, 20), dtype, ("a", "b", "c"), None, ((10, 20),), 99)
    assert info.pixels == 200
    assert info.bytes_decoded == 3 * 200 * size


def test_roles_are_the_words_that_files_and_settings_use():
    assert [str(role) for role in Role] == ["nucleus", "cytoplasm", "other", "colour"]
    assert Role("nucleus") is Role.NUCLEUS


@pytest.mark.parametrize(
    ("counts", "selection", "suffix"),
    [
        ((1, 1), Selection(), ""),
        ((12, 1), Selection(scene=8), "__s09"),
        ((1, 60), Selection(time=2), "__t003"),
        ((120, 2000), Selection(4, 41, "mean"), "__s005_t0042"),
    ],
)
def test_names_of_results_tell_the_images_of_a_file_apart(counts, selection, suffix):
    info = ImageInfo("a.tif", "tiff", (1, 1, 2), "uint8", ("gray",), None, ((1, 2),), 99)
    assert replace(info, selection=selection, n_scenes=counts[0], n_times=counts[1]).suffix == suffix


def test_the_title_leaves_out_what_a_file_has_no_need_of():
    info = ImageInfo("a.tif", "tiff", (1, 1, 2), "uint8", ("gray",), None, ((1, 2),), 99)
    assert info.title == "a.tif"
    assert replace(info, scene="B03 field 2", time="02d12h00m").title == "a.tif · B03 field 2 · 02d12h00m"
    assert replace(info, time="t003").title == "a.tif · t003"


@pytest.mark.parametrize("wrong", [{"scene": -1}, {"time": -1}, {"depth": "median"}, {"depth": "0"}, {"depth": "-1"}])
def test_a_selection_that_means_nothing_is_refused(wrong):
    with pytest.raises(InputError):
        Selection(**wrong)
