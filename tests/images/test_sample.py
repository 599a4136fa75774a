import numpy as np

from cellapp.images.sampling import N_WINDOWS, WINDOW_PX, sample_windows
from cellapp.segmentation.tiling.grid import intersection
from tests.cells.toy import slide_of


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
