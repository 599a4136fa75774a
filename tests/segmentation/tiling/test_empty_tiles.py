import numpy as np
import pytest

from cellapp.segmentation.tiling.empty_tiles import is_empty
from cellapp.segmentation.tiling.grid import plan_tiles
from cellapp.synthetic.field import render_field
from cellapp.synthetic.settings import SyntheticSettings

pytestmark = pytest.mark.slow


def scaled(pixels):
    low, high = np.percentile(pixels, [0.2, 99.8], axis=(1, 2))[..., None, None]
    return np.clip((pixels - low) / np.maximum(high - low, 1), 0, 1).astype(np.float32)


@pytest.mark.parametrize("noise", [0.1, 0.4, 1.0])
def test_no_tile_with_a_cell_counts_as_empty_and_most_others_do(noise):
    chosen = SyntheticSettings(height=900, width=1400, seed=5, density=0.02, noise=noise)
    pixels, truth, _ = render_field(chosen)
    processed, least_px = scaled(pixels), 0.2 * chosen.diameter_px**2
    n_empty = n_bare = 0
    for tile in plan_tiles(truth.shape, 200, 0):
        cells = truth[tile.core.slices]
        bare = not cells.any()
        empty = is_empty(processed[(slice(None), *tile.core.slices)], chosen.diameter_px, (1, 1, 1))
        assert not empty or np.bincount(cells.ravel(), minlength=2)[1:].max() < least_px
        n_empty, n_bare = n_empty + empty, n_bare + bare
    assert 0.5 * n_bare <= n_empty <= n_bare + 3


@pytest.mark.parametrize("contrast", [0.05, -0.05, 0.5])
def test_one_faint_cell_is_enough_wherever_it_lies(contrast):
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:300, :300]
    for cy, cx in ((150, 150), (151, 147), (8, 8), (290, 150)):
        plane = 0.3 + contrast * ((y - cy) ** 2 + (x - cx) ** 2 <= 15**2) + rng.normal(0, 0.02, y.shape)
        assert not is_empty(plane[None].astype(np.float32), 30, (1,))


def test_noise_light_that_drifts_and_nothing_are_empty():
    rng = np.random.default_rng(0)
    drift = np.linspace(0.1, 0.15, 900, dtype=np.float32)[None, None].repeat(900, axis=1)
    assert is_empty(drift + rng.normal(0, 0.02, (1, 900, 900)).astype(np.float32), 30, (1,))
    assert is_empty(np.zeros((2, 400, 400), np.float32), 30, (1, 0))


def test_any_channel_counts_and_what_is_too_small_to_tell_is_not_empty():
    pixels = np.zeros((2, 300, 300), np.float32)
    pixels[1, 100:130, 100:130] = 0.4
    assert not is_empty(pixels, 30, (1, 1))
    assert not is_empty(np.zeros((1, 5, 5), np.float32), 30, (1,))


def test_a_slide_that_fills_little_of_its_range_is_not_empty():
    y, x = np.mgrid[:300, :300]
    plane = np.float32(0.005) * ((y - 150) ** 2 + (x - 150) ** 2 <= 15**2)
    assert not is_empty(plane[None], 30, (0.006,))
