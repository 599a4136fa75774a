"""Shapes are those of scikit-image, exactly where whole numbers decide and to rounding elsewhere."""

import numpy as np
import pytest
from hypothesis import given, settings
from skimage.measure import regionprops_table
from skimage.morphology import convex_hull_image

from cellapp.cells.packed_crops import find_boxes
from cellapp.cells.shape import COUNTED, SHAPES, hull_areas, shapes
from tests.cells.toy import blobs, label_arrays

LIBRARY = ("centroid", "bbox", "area", "perimeter", "equivalent_diameter_area", "axis_major_length",
           "axis_minor_length", "eccentricity", "solidity", "extent", "orientation")  # fmt: skip
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def measured(labels):
    return shapes(labels, *find_boxes(labels))


@given(labels=label_arrays())
@settings(max_examples=60, deadline=None)
def test_every_column_is_that_of_regionprops(labels):
    ours = measured(labels)
    theirs = regionprops_table(labels, properties=LIBRARY)
    for name, values in zip(SHAPES, theirs.values(), strict=True):
        if name == "orientation_rad":  # a direction: half a turn is none; round cells have no direction at all
            clear = ours["eccentricity"] > 1e-6
            turn = (ours[name] - values)[clear]
            np.testing.assert_allclose(np.sin(turn), 0, atol=1e-9)
        else:
            np.testing.assert_allclose(ours[name], values, rtol=1e-9, atol=1e-6, err_msg=name)
        assert np.issubdtype(ours[name].dtype, np.integer) == (name in COUNTED)


@given(labels=label_arrays(max_side=30, max_id=1))
@settings(max_examples=60, deadline=None)
def test_hull_holds_as_many_pixels_as_the_hull_image(labels):
    rows = np.flatnonzero(labels.any(axis=1))
    if not len(rows):
        return
    first = labels.argmax(axis=1)[rows]
    last = labels.shape[1] - 1 - labels[:, ::-1].argmax(axis=1)[rows]
    found = hull_areas(np.zeros(len(rows), int), rows, first, last)
    assert found.tolist() == [convex_hull_image(labels).sum()]


def test_a_foot_below_a_long_curve_pops_every_corner_of_it():
    rows = np.arange(40)
    first = np.append(rows[:-1] ** 2 // 8 + 20, 0)
    picture = np.zeros((40, 320), bool)
    for row, column in zip(rows, first, strict=True):
        picture[row, column:300] = True
    found = hull_areas(np.zeros(40, int), rows, first, np.full(40, 299))
    assert found.tolist() == [convex_hull_image(picture).sum()]


@pytest.mark.parametrize(("turns", "flipped"), [(1, False), (2, False), (0, True)])
def test_size_does_not_depend_on_the_way_a_cell_lies(turns, flipped):
    labels = blobs(9)
    moved = np.rot90(labels[::-1] if flipped else labels, turns).copy()
    before, after = measured(labels), measured(moved)
    for name in ("area_px", "perimeter_px", "major_axis_px", "minor_axis_px", "solidity", "extent"):
        np.testing.assert_allclose(after[name], before[name], rtol=1e-9)


def test_no_cells():
    assert {name: len(values) for name, values in measured(np.zeros((4, 5), np.int32)).items()} == dict.fromkeys(
        SHAPES, 0
    )
