"""The outlines' benchmark at a small size: it finds what was drawn, and notices when it is not there."""

import numpy as np
import pytest
from scipy import ndimage

from benchmarks import outlines, stamped
from cellapp.cells.packed_crops import find_boxes
from cellapp.cells.shape import BOX_COLUMNS
from cellapp.exports.geojson import write_geojson
from cellapp.types.cells import LabelMask

pytestmark = pytest.mark.slow


def labels_of(folder, n):
    stamped.write_labels(folder / "labels", n)
    return np.fromfile(folder / "labels", np.int32).reshape(stamped.size_of(n))


def test_all_cells_are_found_again_and_memory_is_watched(tmp_path):
    figures = outlines.compare(tmp_path, 300)
    assert (figures["n_cells"], figures["n_features"], figures["n_compared"]) == (300, 300, 200)
    assert figures["in_order"]
    assert figures["same_cells"]
    for side in (figures, figures["hundredth"]):
        assert 20 < side["before_mb"] <= side["peak_mb"]
        assert side["cpu_s_per_1000_cells"] > 0
    assert figures["hundredth"]["n_cells"] == 3
    assert figures["file_mb"] > figures["hundredth"]["file_mb"]


def test_a_missing_or_a_misdrawn_cell_would_be_noticed(tmp_path):
    labels, cells, path = labels_of(tmp_path, 40), stamped.cell_table(40), tmp_path / "o.geojson"

    def check(labels, cells):
        return outlines.check(write_geojson(LabelMask(labels, "made"), cells, path), 40)

    assert check(labels, cells)["same_cells"]
    assert not check(labels, cells.assign(margin=cells["margin"] / 2))["same_cells"]
    assert not check(labels, cells.assign(manual_label="normal"))["same_cells"]
    nibbled = np.where((labels == 7) & (np.arange(labels.shape[0])[:, None] % stamped.PITCH_PX < 7), 0, labels)
    assert not check(nibbled, cells)["same_cells"]
    write_geojson(LabelMask(labels, "made"), cells.drop(index=7), path)
    fewer = outlines.check(path, 40)
    assert fewer["n_features"] == 39
    assert not fewer["in_order"]


@pytest.mark.parametrize("n", [1, 2, 40, 100])
def test_stamped_cells_and_their_table_say_the_same(tmp_path, n):
    labels, cells = labels_of(tmp_path, n), stamped.cell_table(n)
    cell_ids, boxes = find_boxes(labels)
    np.testing.assert_array_equal(cell_ids, cells.index)
    np.testing.assert_array_equal(boxes, cells[BOX_COLUMNS])
    np.testing.assert_array_equal(np.bincount(labels.ravel())[1:], cells["area_px"])
    x, y = stamped.corner_of(n, n)
    square = labels[y : y + stamped.PITCH_PX, x : x + stamped.PITCH_PX]
    np.testing.assert_array_equal(square == n, stamped.shape_of(n))


def test_some_stamped_cells_have_holes_and_some_islands():
    shapes = stamped.shapes()
    assert len({shape.tobytes() for shape in shapes}) == stamped.N_SHAPES
    assert any((ndimage.binary_fill_holes(shape) != shape).any() for shape in shapes)
    assert any(ndimage.label(shape)[1] > 1 for shape in shapes)
    widths = np.array([np.ptp(np.nonzero(shape)[1]) + 1 for shape in shapes])
    assert 18 <= np.median(widths) <= 23
