import dataclasses
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.images.sampling import N_WINDOWS, WINDOW_PX, read_at_most, read_samples, sample_windows, spread_windows
from cellapp.segmentation.tiling.grid import intersection
from tests.cells.toy import slide_of
from tests.images import slides


def speckled(shape, rows, columns):
    """A dark slide with a patch of noise at some place."""
    pixels = np.zeros((1, *shape), np.uint8)
    patch = pixels[0, rows, columns]
    patch[...] = np.random.default_rng(0).integers(0, 255, patch.shape)
    return pixels


def test_a_small_image_is_looked_at_as_a_whole():
    slide = slide_of(np.zeros((2, 300, 700), np.uint8))
    assert sample_windows(slide) == (slide.whole,)


def test_windows_of_a_large_slide_lie_where_something_is_and_nowhere_else():
    slide = slide_of(speckled((2100, 7000), slice(1024, 2048), slice(3072, 6144)), ("nucleus",))
    windows = sample_windows(slide)
    assert windows == sample_windows(slide)
    assert all((w.height, w.width) == (WINDOW_PX, WINDOW_PX) for w in windows)
    assert {(w.y, w.x) for w in windows} == {(1024, 3072), (1024, 4096), (1024, 5120)}


def test_windows_are_apart_and_spread_over_a_full_slide():
    slide = slide_of(speckled((4100, 6200), slice(None), slice(None)), ("nucleus",))
    windows = sample_windows(slide)
    assert len(windows) == N_WINDOWS
    assert not any(intersection(a, b) for a in windows for b in windows if a != b)
    assert max(w.y for w in windows) - min(w.y for w in windows) > 2000


def test_a_strip_gives_windows_of_its_height():
    slide = slide_of(np.zeros((1, 100, 100_000), np.uint8), ("nucleus",))
    windows = sample_windows(slide)
    assert {(w.height, w.width) for w in windows} == {(100, WINDOW_PX)}


@given(shape=st.tuples(st.integers(1, 300), st.integers(1, 300)), side=st.integers(1, 120), most=st.integers(1, 4))
def test_spread_windows_lie_inside_and_apart(shape, side, most):
    windows = spread_windows(shape, side, most)
    covered = np.zeros(shape, int)
    for window in windows:
        assert window.y >= 0
        assert window.x >= 0
        covered[window.slices] += 1
        assert covered[window.slices].shape == (window.height, window.width) == tuple(min(side, n) for n in shape)
    assert covered.max() == 1
    rows, columns = ({getattr(w, axis) for w in windows} for axis in "yx")
    assert len(windows) == len(rows) * len(columns)
    assert all(len(starts) == min(max(n // side, 1), most) for starts, n in zip((rows, columns), shape, strict=True)), (
        "fewer windows than fit, or more than allowed"
    )


@given(length=st.integers(1, 500), side=st.integers(1, 100), most=st.integers(1, 4))
def test_gaps_between_spread_windows_are_equal_to_the_pixel(length, side, most):
    starts = [window.y for window in spread_windows((length, 1), side, most)]
    ends = [min(start + side, length) for start in starts]
    gaps = np.subtract([*starts, length], [0, *ends])
    assert gaps.max() - gaps.min() <= 1


@pytest.mark.parametrize("shape", [(700, 900), (256, 256), (100, 2000), (5, 7)])
def test_quick_samples_are_nine_windows_of_true_pixels(shape):
    pixels = np.random.default_rng(1).integers(0, 2**16, (2, *shape)).astype(np.uint16)
    samples = read_samples(slide_of(pixels))
    height, width = (min(256, n) for n in shape)
    assert samples.shape == (2, height, 9 * width)
    assert samples.dtype == pixels.dtype
    assert np.isin(samples, pixels).all()


def test_quick_samples_reach_all_parts_of_the_slide():
    y, x = np.mgrid[:3000, :4000]
    samples = read_samples(slide_of(np.stack([y, x]).astype(np.int32)))
    assert np.ptp(samples[0]) > 2000
    assert np.ptp(samples[1]) > 2600


def test_quick_samples_read_windows_only():
    class Counting:
        shape, dtype, n_pixels = (1, 3000, 4000), np.dtype(np.uint8), 0

        def __getitem__(self, key):
            block = np.zeros([len(range(n)[s]) for n, s in zip(self.shape, key, strict=True)], np.uint8)
            self.n_pixels += block.size
            return block

    level = Counting()
    slide = dataclasses.replace(slide_of(np.zeros((1, 1, 1), np.uint8), ("a",)), levels=(level,))
    slide = dataclasses.replace(slide, info=dataclasses.replace(slide.info, shape=level.shape))
    read_samples(slide)
    assert level.n_pixels == 9 * 256 * 256


@given(seed=st.integers(0, 99))
@settings(max_examples=5, deadline=None)
def test_brightness_does_not_move_the_windows(seed):
    rng = np.random.default_rng(seed)
    pixels = speckled((2100, 7000), slice(0, 2048), slice(int(rng.integers(0, 3)) * 1024, 6144))
    brighter = slide_of(pixels.astype(np.uint16) * 3 + 50, ("nucleus",))
    assert sample_windows(slide_of(pixels, ("nucleus",))) == sample_windows(brighter)


@settings(max_examples=30)
@given(height=st.integers(1, 60), width=st.integers(1, 60), at_most=st.integers(1, 70))
def test_overviews_are_small_enough_and_hold_true_pixels(height, width, at_most):
    pixels = slides.noise(2, height, width)
    overview, scale = read_at_most(slides.slide_of(pixels), at_most)
    assert max(overview.shape[1:]) <= at_most
    assert overview.dtype == pixels.dtype
    step = round(1 / scale)
    np.testing.assert_array_equal(overview, pixels[:, ::step, ::step])


def test_overviews_come_from_the_coarsest_level_that_is_large_enough():
    levels = (
        slides.Undecodable(1, 4000, 4000),
        np.ones((1, 2000, 2000), np.uint8),
        np.full((1, 500, 500), 2, np.uint8),
    )
    overview, scale = read_at_most(slides.slide_of(*levels), 1000)
    assert overview.shape == (1, 1000, 1000)
    assert scale == pytest.approx(0.25)
    assert overview.max() == 1
    assert read_at_most(slides.slide_of(*levels), 400)[0].max() == 2


def test_bands_of_a_tall_image_join_without_seams():
    pixels = np.arange(5000, dtype=np.uint16).reshape(1, 5000, 1).repeat(3, axis=2)
    overview, scale = read_at_most(slides.slide_of(pixels), 700)
    assert overview.shape[1] <= 700
    assert set(np.diff(overview[0, :, 0]).tolist()) == {round(1 / scale)}


def test_an_overview_never_holds_the_full_image():
    class Made:
        shape, dtype = (1, 20_000, 4_000), np.dtype(np.uint8)

        def __getitem__(self, key):
            _, rows, columns = key
            return np.zeros((1, len(range(20_000)[rows]), len(range(4_000)[columns])), np.uint8)

    tracemalloc.start()
    read_at_most(slides.slide_of(Made()), 500)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000 * 4_000 / 3
