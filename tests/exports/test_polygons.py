import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cellapp.exports.polygons import fill, polygons_of

SHAPES = arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9)))


def area(ring):
    x, y = ring.T
    return (x[:-1] * y[1:] - x[1:] * y[:-1]).sum() / 2


@given(inside=SHAPES)
@settings(max_examples=150, deadline=None)
def test_filling_the_outline_gives_the_cell_back(inside):
    rings = [ring for polygon in polygons_of(inside) for ring in polygon]
    np.testing.assert_array_equal(fill(rings, inside.shape), inside)


@given(inside=SHAPES)
@settings(max_examples=150, deadline=None)
def test_rings_are_valid_polygons(inside):
    """Closed, simple, with sides along the grid, the outer one counter-clockwise and its holes clockwise."""
    for polygon in polygons_of(inside):
        assert [area(ring) > 0 for ring in polygon] == [True] + [False] * (len(polygon) - 1)
        for ring in polygon:
            assert ring[0].tolist() == ring[-1].tolist()
            assert len(np.unique(ring[:-1], axis=0)) == len(ring) - 1
            assert (np.count_nonzero(np.diff(ring, axis=0), axis=1) == 1).all()


@given(inside=SHAPES)
@settings(max_examples=50, deadline=None)
def test_area_of_the_polygons_is_the_number_of_pixels(inside):
    assert sum(area(ring) for polygon in polygons_of(inside) for ring in polygon) == inside.sum()


def test_square_has_four_corners_and_a_hole_is_a_second_ring():
    inside = np.ones((5, 6), bool)
    inside[2, 2:4] = False
    (outer, hole), = polygons_of(inside)  # fmt: skip
    assert sorted(map(tuple, outer[:-1].tolist())) == [(0, 0), (0, 5), (6, 0), (6, 5)]
    assert sorted(map(tuple, hole[:-1].tolist())) == [(2, 2), (2, 3), (4, 2), (4, 3)]


def test_pixels_that_touch_by_a_corner_are_two_polygons():
    assert len(polygons_of(np.eye(2, dtype=bool))) == 2
    assert polygons_of(np.zeros((3, 3), bool)) == []
