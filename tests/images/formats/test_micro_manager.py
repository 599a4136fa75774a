"""Stacks of Micro-Manager: positions are scenes, and each file of a data set lists what is in itself, once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.images.probe import admit_all
from cellapp.images.read import image_digest, open_slide
from tests.images.micro_manager_files import write_micro_manager
from tests.images.slides import noise

SIZES = st.tuples(*[st.integers(1, 3)] * 4)  # positions, times, channels, planes


def check(path, positions):
    images = admit_all(path)
    places = [(p, t) for p in range(len(positions)) for t in range(positions.shape[1])]
    assert [(info.selection.scene, info.selection.time) for info in images] == places
    for info, (p, t) in zip(images, places, strict=True):
        assert info.um_per_px == pytest.approx(0.5)
        assert info.n_planes == positions.shape[3]
        np.testing.assert_array_equal(open_slide(path, selection=info.selection).region(), positions[p, t].max(axis=1))


@settings(max_examples=12)
@given(size=SIZES)
def test_positions_times_channels_and_planes_come_back(tmp_path, size):
    positions = noise(*size, 14, 11)
    check(write_micro_manager(tmp_path / "cells_MMStack.tif", positions), positions)


def test_each_file_of_a_data_set_has_its_own_position(tmp_path):
    positions = noise(3, 2, 2, 2, 14, 11)
    paths = [tmp_path / f"cells_MMStack_Pos{i}.tif" for i in range(3)]
    for i, path in enumerate(paths):
        write_micro_manager(path, positions[i : i + 1], first=i, declared=3)
    together = [open_slide(path).region() for path in paths]
    for i, path in enumerate(paths):
        check(path, positions[i : i + 1])
    assert len({image_digest(path) for path in paths}) == 3
    for path in paths[:2]:
        path.unlink()
    np.testing.assert_array_equal(open_slide(paths[2]).region(), together[2])
