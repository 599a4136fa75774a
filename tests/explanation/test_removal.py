"""What is removed from a cell is gone, and the rest stays as it is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.explanation.removal import (
    NEED_NUCLEUS,
    PARTS,
    CutCell,
    mean_level,
    without_cytoplasm,
    without_interior,
    without_nucleus,
    without_texture,
)

LEVELS = np.array([0.4, 0.2])


def disc(side, radius, at=(0, 0)):
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    return np.hypot(y - at[0], x - at[1]) <= radius


def cell(seed=0, side=48, nucleus=8, masked=True):
    """A cell with another brightness in its nucleus in both channels, the second of which shows nuclei."""
    rng = np.random.default_rng(seed)
    inside = disc(side, 20)
    core = disc(side, nucleus, rng.uniform(-5, 5, 2)) if nucleus else np.zeros((side, side), bool)
    pixels = rng.uniform(0.2, 0.3, (2, side, side))
    pixels[1] = np.where(core, 0.9, 0.1)
    pixels[0][core] += 0.5
    if masked:
        pixels *= inside
    return CutCell(pixels.astype(np.float32), inside, core, (1,))


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 99),
    part=st.sampled_from([*PARTS]),
    nucleus=st.sampled_from([0, 1, 8, 19]),
    masked=st.booleans(),
)
def test_outside_the_cell_nothing_changes_and_values_stay_in_range(seed, part, nucleus, masked):
    one = cell(seed, nucleus=nucleus, masked=masked)
    before = one.pixels.copy()
    changed = PARTS[part](one, LEVELS)
    np.testing.assert_array_equal(one.pixels, before, "the crop given stays as it is")
    np.testing.assert_array_equal(changed[:, ~one.inside], before[:, ~one.inside])
    assert changed.dtype == before.dtype
    assert changed.shape == before.shape
    assert 0 <= changed.min() <= changed.max() <= 1


@pytest.mark.parametrize("seed", range(3))
def test_no_trace_of_the_nucleus_is_left(seed):
    one = cell(seed)
    changed = without_nucleus(one, LEVELS)
    assert not changed[1][one.inside].any(), "the channel that shows nuclei is dark"
    assert changed[0][one.nucleus].max() <= 0.31, "its place looks like the cytoplasm"
    far = one.inside & ~disc(48, 15)
    np.testing.assert_array_equal(changed[0][far], one.pixels[0][far])


def test_only_the_nucleus_is_left():
    one = cell()
    changed = without_cytoplasm(one, LEVELS)
    np.testing.assert_array_equal(changed[:, one.nucleus], one.pixels[:, one.nucleus])
    assert not changed[:, one.inside & ~disc(48, 15)].any()
    bright = cell(masked=False)
    bright.pixels[:, ~bright.inside] = 0.7
    left = without_cytoplasm(bright, LEVELS)
    np.testing.assert_allclose(left[:, bright.inside & ~disc(48, 15)], 0.7, atol=1e-6)


def test_blur_takes_the_texture_and_leaves_nucleus_and_cytoplasm_apart():
    one = cell()
    changed = without_texture(one, LEVELS)
    around = one.inside & ~one.nucleus
    for part in (one.nucleus, around):
        assert changed[0][part].std() < one.pixels[0][part].std() / 3
        assert changed[0][part].mean() == pytest.approx(one.pixels[0][part].mean(), abs=0.01)
    assert changed[0][one.nucleus].min() > changed[0][around].max()


def test_cells_of_one_shape_are_one_picture_when_only_the_shape_is_left():
    pictures = [without_interior(cell(seed), LEVELS) for seed in range(3)]
    assert all((one == pictures[0]).all() for one in pictures)
    np.testing.assert_allclose(pictures[0][:, disc(48, 20)], np.broadcast_to(LEVELS[:, None], (2, disc(48, 20).sum())))


def test_a_cell_without_a_nucleus_or_without_pixels_is_no_error():
    for part, remove in PARTS.items():
        bare = cell(nucleus=0)
        if part == "nucleus":
            np.testing.assert_array_equal(remove(bare, LEVELS)[0], bare.pixels[0])
        nobody = CutCell(np.zeros((2, 9, 9), np.float32), np.zeros((9, 9), bool), np.zeros((9, 9), bool))
        np.testing.assert_array_equal(remove(nobody, LEVELS), nobody.pixels)
    assert set(NEED_NUCLEUS) <= set(PARTS)
    assert mean_level(nobody).tolist() == [0, 0]
