"""Patches lie where cells are, and segments stay within their sequence."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.pipeline.time_series import ImageSequence
from cellapp.training.lines.bags import Bag, draw_segments
from cellapp.training.lines.patches import cut_patches
from tests.training.lines.series import picture


def test_patches_lie_where_cells_are_and_apart():
    generator = np.random.default_rng(0)
    image = picture(generator.uniform((0, 0), (120, 120), (30, 2)), 2.0, 256, generator)
    patches = cut_patches(image, side_px=64, most=4)
    assert patches.pixels.shape == (4, 64, 64)
    assert patches.corners.max() <= 128
    apart = np.abs(patches.corners[:, None] - patches.corners).max(axis=2) + 64 * np.eye(4)
    assert (apart >= 32).all()
    assert 0.05 < patches.confluency < 0.6
    np.testing.assert_allclose(cut_patches(3 * image + 70, side_px=64, most=4).pixels, patches.pixels, atol=1e-3)


@pytest.mark.parametrize("shape", [(20, 90), (64, 64), (1, 1)])
def test_small_and_empty_images_have_a_patch(shape):
    patches = cut_patches(np.zeros(shape), side_px=64)
    assert len(patches.corners) >= 1
    assert patches.pixels.shape[1:] == (min(64, *shape),) * 2
    assert patches.confluency == 0


@settings(max_examples=30, deadline=None)
@given(frames=st.integers(1, 9), per_frame=st.integers(1, 3), segments=st.integers(1, 6), seed=st.integers(0, 99))
def test_segments_give_one_image_of_each_part_in_order(frames, per_frame, segments, seed):
    of_patch = np.repeat(np.arange(frames), per_frame)
    sequence = ImageSequence("a", "b", "c", ("f",) * frames, tuple(map(float, range(frames))))
    nothing = np.zeros((len(of_patch), 2))
    bag = Bag(sequence, nothing, of_patch, nothing.astype(int), np.zeros(frames))
    rows = draw_segments(bag, np.random.default_rng(seed), segments)
    drawn = np.unique(of_patch[rows])
    assert len(drawn) == min(segments, frames)
    assert len(rows) == len(drawn) * per_frame
    assert (np.diff(rows) > 0).all()
    bounds = np.linspace(0, frames, min(segments, frames) + 1).round()
    assert ((drawn >= bounds[:-1]) & (drawn < bounds[1:])).all()
