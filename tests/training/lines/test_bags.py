"""Sequences are read by name or table, patches lie where cells are, and segments stay within their sequence."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.errors import InputError
from cellapp.training.lines.bags import Bag, draw_segments
from cellapp.training.lines.patches import cut_patches
from cellapp.training.lines.sequences import Sequence, hours, read_sequences
from tests.training.lines.series import picture, write_series


def test_sequences_by_names_are_in_order_of_time(tmp_path):
    write_series(tmp_path, lines=("fine", "coarse"), batches=2, places=2, times=3, side=32)
    found = read_sequences(tmp_path)
    assert [(one.line, one.batch, one.place) for one in found[:2]] == [
        ("coarse", "batch_0", "VID1_A0_1"),
        ("coarse", "batch_0", "VID1_A1_1"),
    ]
    assert len(found) == 8
    assert found[0].times_h == (0.5, 4.5, 8.5)
    assert all(file.startswith("coarse/batch_0/") for file in found[0].files)


def test_a_table_says_it_too(tmp_path):
    write_series(tmp_path, lines=("fine",), batches=1, places=1, times=2, side=32)
    files = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.png"))
    table = pd.DataFrame({"file": files, "line": "A", "batch": "1", "sequence": "s", "time_h": ["7,5", "0"]})
    table.to_csv(tmp_path / "index.csv", index=False)
    [one] = read_sequences(tmp_path)
    assert (one.name, one.times_h, one.files) == ("A/1/s", (0.0, 7.5), (files[1], files[0]))
    table.assign(time_h="noon").to_csv(tmp_path / "index.csv", index=False)
    with pytest.raises(InputError, match="write hours as a number"):
        read_sequences(tmp_path)


def test_names_without_time_or_place_are_refused(tmp_path):
    assert hours("VID1709_G7_1_02d12h06m") == ("VID1709_G7_1", 60.1)
    with pytest.raises(InputError, match="does not end with a time"):
        hours("VID1709_G7_1")
    write_series(tmp_path / "line", lines=("fine",), batches=1, places=1, times=1, side=32)
    for path in (tmp_path / "line").rglob("*.png"):
        path.rename(tmp_path / path.name)
    with pytest.raises(InputError, match="lies in no batch of a line"):
        read_sequences(tmp_path)
    assert read_sequences(tmp_path, labelled=False)[0].line == ""


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
    sequence = Sequence("a", "b", "c", ("f",) * frames, tuple(map(float, range(frames))))
    nothing = np.zeros((len(of_patch), 2))
    bag = Bag(sequence, nothing, of_patch, nothing.astype(int), np.zeros(frames))
    rows = draw_segments(bag, np.random.default_rng(seed), segments)
    drawn = np.unique(of_patch[rows])
    assert len(drawn) == min(segments, frames)
    assert len(rows) == len(drawn) * per_frame
    assert (np.diff(rows) > 0).all()
    bounds = np.linspace(0, frames, min(segments, frames) + 1).round()
    assert ((drawn >= bounds[:-1]) & (drawn < bounds[1:])).all()
