import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.errors import Cancelled
from cellapp.images import pyramid
from cellapp.images.pyramid import halve, needs_pyramid, pyramid_shapes, write_pyramid
from cellapp.images.read import open_slide
from cellapp.images.sampling import read_samples
from tests.images.slides import noise, slide_of


@given(
    height=st.integers(1, 9), width=st.integers(1, 9), dtype=st.sampled_from(["uint8", "int16", "uint32", "float32"])
)
@settings(max_examples=60, deadline=None)
def test_each_pixel_is_the_mean_of_those_it_covers(height, width, dtype):
    pixels = noise(2, height, width, dtype=dtype)
    halved = halve(pixels)
    assert halved.dtype == pixels.dtype
    assert halved.shape == (2, -(-height // 2), -(-width // 2))
    off = 1e-6 if dtype == "float32" else 0.5
    for c, y, x in np.ndindex(halved.shape):
        block = pixels[c, 2 * y : 2 * y + 2, 2 * x : 2 * x + 2].astype(float)
        assert abs(float(halved[c, y, x]) - block.mean()) <= off


@given(height=st.integers(1, 100_000), width=st.integers(1, 100_000))
@settings(max_examples=50, deadline=None)
def test_levels_halve_until_one_chunk_holds_them(height, width):
    shapes = pyramid_shapes((height, width))
    assert shapes[0] == (height, width)
    assert max(shapes[-1]) <= max(pyramid.CHUNK_PX, 1)
    for larger, smaller in zip(shapes, shapes[1:], strict=False):
        assert smaller == (-(-larger[0] // 2), -(-larger[1] // 2))


@pytest.mark.parametrize("with_full", [False, True])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_written_levels_are_block_means_of_the_level_before(tmp_path, with_full, dtype, monkeypatch):
    monkeypatch.setattr(pyramid, "_BLOCK_BYTES", 1)  # several blocks a level, also across
    slide = slide_of(noise(3, 1501, 2107, dtype=dtype), channels=("a", "b", "c"), um_per_px=0.5)
    write_pyramid(slide, tmp_path / "p.zarr", with_full=with_full)
    kept = open_slide(tmp_path / "p.zarr")
    assert kept.info.channels == slide.info.channels
    assert kept.info.dtype == dtype
    assert kept.info.um_per_px == pytest.approx(0.5 if with_full else 1.0)
    assert kept.info.levels == pyramid_shapes((1501, 2107))[0 if with_full else 1 :]
    expected = slide.region()
    if with_full:
        np.testing.assert_array_equal(kept.region(), expected)
    for level in range(1 if with_full else 0, len(kept.levels)):
        expected = halve(expected)
        np.testing.assert_array_equal(kept.region(level=level), expected)


def test_memory_is_that_of_a_block_not_of_the_image(tmp_path, monkeypatch):
    monkeypatch.setattr(pyramid, "_BLOCK_BYTES", 2**20)

    class Endless:
        """A large image that is never in memory."""

        shape, dtype = (1, 4096, 16384), np.dtype(np.uint8)

        def __getitem__(self, key):
            rows, columns = (range(n)[s] for n, s in zip(self.shape[1:], key[1:], strict=True))
            return np.zeros((1, len(rows), len(columns)), np.uint8)

    slide = slide_of(Endless())
    tracemalloc.start()
    write_pyramid(slide, tmp_path / "p.zarr")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4096 * 16384 / 4


@pytest.mark.parametrize("with_full", [False, True])
def test_progress_runs_from_nothing_to_nearly_all(tmp_path, with_full):
    said = []
    write_pyramid(
        slide_of(noise(1, 2100, 2100)), tmp_path / "p.zarr", with_full=with_full, on_step=lambda _, f: said.append(f)
    )
    assert said[0] == 0
    assert said == sorted(set(said))
    assert 0.5 < said[-1] < 1


def test_a_stopped_pyramid_is_no_image(tmp_path):
    def stop(step, fraction):
        assert 0 <= fraction <= 1
        if fraction > 0.5:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        write_pyramid(slide_of(noise(1, 2100, 2100)), tmp_path / "p.zarr", on_step=stop)
    with pytest.raises(Exception, match="OME-Zarr"):
        open_slide(tmp_path / "p.zarr")


@pytest.mark.parametrize(("shape", "wanted"), [((1, 40, 40), False), ((1, 10, 2048), False), ((2, 10, 2049), True)])
def test_only_large_images_without_levels_need_one(shape, wanted):
    assert needs_pyramid(slide_of(noise(*shape)).info) is wanted
    assert not needs_pyramid(slide_of(noise(*shape), noise(shape[0], 5, shape[2] // 2)).info)


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 300, 40), (1, 1000, 3000)])
def test_samples_are_pixels_of_the_slide_and_few(shape):
    slide = slide_of(noise(*shape))
    seen = read_samples(slide)
    assert seen.shape == (shape[0], min(shape[1], 256), 9 * min(shape[2], 256))
    assert set(np.unique(seen)) <= set(np.unique(slide.region()))
