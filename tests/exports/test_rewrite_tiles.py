"""A label image of which some tiles are changed is the file that is written of the changed labels."""

import numpy as np
import pytest
import tifffile

from cellapp.errors import InputError
from cellapp.exports.label_image import TILE_PX, rewrite_tiles, write_labels
from cellapp.types.cells import LabelMask


@pytest.mark.parametrize("um_per_px", [None, 0.5])
def test_changed_tiles_give_the_bytes_of_the_changed_whole_and_no_other_is_decoded(tmp_path, um_per_px):
    labels = np.zeros((1100, 1300), np.int32)
    labels[100:900, 300:400] = 70_000
    path = write_labels(LabelMask(labels, "x"), tmp_path / "labels.tif", um_per_px=um_per_px)
    decoded = []

    def redraw(row, column, decode):
        if (row, column) != (1, 0):
            return None
        decoded.append((row, column))
        tile = decode().copy()
        tile[: 900 - TILE_PX, 300:350] = 3
        return tile

    rewrite_tiles(path, redraw, um_per_px=um_per_px)
    labels[TILE_PX:900, 300:350] = 3
    whole = write_labels(LabelMask(labels, "x"), tmp_path / "whole" / "labels.tif", um_per_px=um_per_px)
    assert path.read_bytes() == whole.read_bytes()
    assert decoded == [(1, 0)]
    assert np.array_equal(tifffile.imread(path), labels)


def test_a_file_of_another_program_is_refused_and_stays(tmp_path):
    path = tmp_path / "labels.tif"
    tifffile.imwrite(path, np.ones((40, 40), np.uint16))
    before = path.read_bytes()
    with pytest.raises(InputError, match=r"no label image of this program"):
        rewrite_tiles(path, lambda *_: None)
    assert path.read_bytes() == before
