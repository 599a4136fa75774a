"""Cells in memory: cut, read, kept."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cellapp.errors import InputError
from cellapp.training.encoder.crop_dataset import STORED_PX, CropSet, cut_windows, join_sets, read_crops
from tests.training.encoder.toys import toy_cells


def field_of(*boxes, shape=(60, 60)):
    labels = np.zeros(shape, np.int32)
    for number, (y, x, height, width) in enumerate(boxes, start=1):
        labels[y : y + height, x : x + width] = number
    planes = np.repeat((labels > 0)[None], 3, axis=0).astype(np.float32)
    return planes, labels


@given(y=st.integers(0, 45), x=st.integers(0, 45), height=st.integers(1, 15), width=st.integers(1, 15))
@settings(max_examples=25, deadline=None)
def test_a_cell_is_cut_whole_wherever_it_lies(y, x, height, width):
    windows = cut_windows(*field_of((y, x, height, width)), [1])
    assert windows.shape == (1, 4, STORED_PX, STORED_PX)
    assert windows.dtype == np.uint8
    inside = windows[0, 3] > 127
    filled = inside.sum() / STORED_PX**2
    side = max(12, round(1.2 * max(height, width)))
    assert filled == pytest.approx(height * width / side**2, abs=0.08)
    assert (windows[0, 0][inside] > 100).all()


def test_a_neighbour_is_seen_but_not_marked():
    windows = cut_windows(*field_of((20, 20, 20, 20), (20, 41, 20, 10)), [1])
    assert windows[0, 0, 40, -1] == 255
    assert windows[0, 3, 40, -1] == 0


def test_no_cells_are_no_windows():
    assert cut_windows(*field_of(), []).shape == (0, 4, STORED_PX, STORED_PX)


def test_a_set_survives_its_file(tmp_path):
    cells = toy_cells()
    cells.save(tmp_path / "deep" / "crops.npz")
    kept = CropSet.load(tmp_path / "deep" / "crops.npz")
    for column in ("pixels", "labels", "groups", "sources"):
        np.testing.assert_array_equal(getattr(kept, column), getattr(cells, column))
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["crops.npz"]


def test_rows_are_chosen_together():
    cells = toy_cells()
    rings = cells[cells.labels == "ring"]
    assert len(rings) == 12
    assert set(rings.labels) == {"ring"}


@pytest.mark.parametrize("parts", [[], [toy_cells(2)[np.zeros(2, bool)]]])
def test_nothing_to_learn_from_is_refused(parts):
    with pytest.raises(InputError, match="no cell"):
        join_sets(parts)


def test_a_folder_of_pictures_is_read_with_its_classes(tmp_path):
    for name in ("cancer/a.png", "normal/b.png"):
        (tmp_path / name).parent.mkdir()
        pixels = np.zeros((30, 20, 3), np.uint8)
        pixels[5:25, 5:15] = (200, 100, 50)
        Image.fromarray(pixels).save(tmp_path / name)
    cells = read_crops(tmp_path, side_px=40)
    assert cells.pixels.shape == (2, 4, 40, 40)
    assert cells.labels.tolist() == ["cancer", "normal"]
    assert cells.groups.tolist() == ["cancer/a.png", "normal/b.png"]
    assert cells.pixels[0, 3].mean() == pytest.approx(255 * 200 / 900, rel=0.25)


@pytest.mark.parametrize("bad", ["a.png", "b.png", "c.png"])
def test_a_picture_that_cannot_be_read_is_named_and_the_others_stay(tmp_path, bad):
    for name in ("a.png", "b.png", "c.png"):
        Image.fromarray(np.eye(20, dtype=np.uint8) * 200).save(tmp_path / name)
    (tmp_path / bad).write_bytes(b"a note")
    unreadable = {}
    cells = read_crops(tmp_path, unreadable=unreadable)
    assert cells.groups.tolist() == [name for name in ("a.png", "b.png", "c.png") if name != bad]
    assert len(cells) == len(cells.sources) == 2
    assert list(unreadable) == [tmp_path / bad]


def test_a_folder_of_bad_pictures_is_refused(tmp_path):
    (tmp_path / "a.png").write_bytes(b"a note")
    with pytest.raises(InputError, match=r"none of 1 pictures can be read; first reason: 'a\.png'"):
        read_crops(tmp_path, unreadable={})


def test_pictures_of_one_folder_have_no_class(tmp_path):
    Image.fromarray(np.eye(20, dtype=np.uint8) * 200).save(tmp_path / "a.png")
    assert read_crops(tmp_path).labels.tolist() == [""]


def test_cells_are_cut_in_the_order_asked_for_whatever_their_ids():
    planes, labels = np.zeros((3, 60, 60), np.float32), np.zeros((60, 60), np.int64)
    labels[5:15, 5:15], labels[30:50, 30:50] = 900, 7
    planes[:, labels == 900] = 0.5
    planes[:, labels == 7] = 1.0
    windows = cut_windows(planes, labels, [900, 7])
    assert windows[:, 0].max(axis=(1, 2)).tolist() == [128, 255]
    np.testing.assert_array_equal(cut_windows(planes, labels, [7, 900]), windows[::-1])
