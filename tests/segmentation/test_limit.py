"""The centre of a cell lies in it, and the same cells are kept whichever part of an image is looked at."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cellapp.regions.coverage import coverage
from cellapp.segmentation import limit
from cellapp.segmentation.tiling import paint
from cellapp.types.drawn_regions import DrawnRegion, DrawnRegions

labelled = arrays.arrays(np.int32, st.tuples(st.integers(1, 14), st.integers(1, 14)), elements=st.integers(0, 5))


@settings(max_examples=60, deadline=None)
@given(labelled)
def test_the_centre_is_the_pixel_nearest_to_the_mean(labels):
    ids, y, x = limit.cell_centres(labels)
    assert ids.tolist() == [number for number in np.unique(labels) if number]
    for number, row, column in zip(ids, y, x, strict=True):
        places = np.argwhere(labels == number)
        away = ((places - places.mean(axis=0)) ** 2).sum(axis=1)
        assert labels[row, column] == number
        assert np.isclose(away[(places == (row, column)).all(axis=1)], away.min()).all()


@settings(max_examples=40, deadline=None)
@given(labelled, st.integers(1, 30))
def test_bands_change_nothing(labels, band_px):
    whole = limit.cell_centres(labels)
    kept, paint.BAND_PX = paint.BAND_PX, band_px
    try:
        banded = limit.cell_centres(labels)
    finally:
        paint.BAND_PX = kept
    for one, other in zip(whole, banded, strict=True):
        assert (one == other).all()


def test_a_ring_has_its_centre_on_itself():
    labels = np.ones((9, 9), np.int32)
    labels[1:8, 1:8] = 0
    _, y, x = limit.cell_centres(labels)
    assert labels[y[0], x[0]] == 1


def test_cells_stay_whole_and_are_numbered_anew():
    labels = np.repeat(np.array([[1, 2, 2, 0, 3]], np.int32), 3, axis=0)
    covered = coverage(DrawnRegions((DrawnRegion("a", ((((1.2, 0), (5, 0), (5, 3), (1.2, 3), (1.2, 0)),),)),)), (3, 5))
    for number, expected in ((True, [0, 1, 1, 0, 2]), (False, [0, 2, 2, 0, 3])):
        kept = labels.copy()
        assert limit.keep_cells(kept, covered, number=number) == 2
        assert kept[1].tolist() == expected
    assert limit.covered_share(kept, covered) == 9 / 12
    box = limit.box_of_cells(kept)
    assert (box.y, box.x, box.height, box.width) == (0, 1, 3, 4)
