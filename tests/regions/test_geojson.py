"""Regions as GeoJSON of QuPath: the round trip, and what is refused in one sentence."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.errors import InputError
from cellapp.regions.check import crosses_itself
from cellapp.regions.geojson import from_geojson, read_regions, to_geojson, write_regions
from cellapp.types.drawn_regions import DrawnRegion, DrawnRegions

SHAPE = (400, 600)


def square(x, y, side):
    return ((x, y), (x + side, y), (x + side, y + side), (x, y + side), (x, y))


place = st.floats(0, 300).map(lambda value: round(value, 2))
polygons = st.tuples(place, place, st.floats(4, 80), st.booleans()).map(
    lambda one: (square(*one[:3]), *((square(one[0] + 1, one[1] + 1, one[2] / 2),) if one[3] else ()))
)
regions = st.builds(
    DrawnRegion,
    st.text("abc é", min_size=1, max_size=9).map(str.strip).filter(bool),
    st.lists(polygons, min_size=1, max_size=3).map(tuple),
    st.booleans(),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(regions, max_size=4).map(lambda some: DrawnRegions(tuple(some))))
def test_what_is_written_is_read_again(drawn):
    again = from_geojson(json.loads(json.dumps(to_geojson(drawn))), SHAPE)
    assert again.digest == drawn.digest
    assert [(one.keep, one.polygons) for one in again.regions] == [(one.keep, one.polygons) for one in drawn.regions]


def test_a_file_is_read_again(tmp_path):
    drawn = DrawnRegions((DrawnRegion("tumour", ((square(10, 20, 50),),)),))
    assert read_regions(write_regions(drawn, tmp_path / "a.geojson"), SHAPE) == drawn


def test_the_digest_is_of_areas_and_not_of_names_or_order():
    a, b = DrawnRegion("a", ((square(1, 1, 9),),)), DrawnRegion("b", ((square(5, 1, 9),),), keep=False)
    assert DrawnRegions((a, b)).digest == DrawnRegions((b, DrawnRegion("c", a.polygons))).digest
    assert DrawnRegions((a,)).digest != DrawnRegions((DrawnRegion("a", a.polygons, keep=False),)).digest


@pytest.mark.parametrize(
    ("properties", "keep"),
    [
        (None, True),
        ({}, True),
        ({"classification": {"name": "Tumor"}}, True),
        ({"classification": {"name": "Ignore*"}}, False),
        ({"classification": "Ignore*"}, False),
        ({"leave_out": True}, False),
    ],
)
def test_what_qupath_ignores_is_left_out(properties, keep):
    feature = {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [square(5, 5, 50)]}}
    (region,) = from_geojson(feature | {"properties": properties}, SHAPE).regions
    assert region.keep is keep


def polygon(*ring):
    return {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]}}


@pytest.mark.parametrize(
    ("tree", "told"),
    [
        (polygon((10, 10), (90, 90), (90, 10), (10, 90)), "crosses itself"),
        (polygon((700, 10), (800, 10), (800, 90)), "outside the image of 600 x 400 px"),
        (polygon((10, 10), (10, 10), (10, 10)), "three corners"),
        (polygon((10, 10), (90, 10), (50, 10)), "no area"),
        (polygon((7.41, 46.91), (7.46, 46.91), (7.46, 46.97)), "longitudes and latitudes"),
        (polygon((-71.1, 42.3), (-70.9, 42.3), (-70.9, 42.5)), "longitudes and latitudes"),
        (polygon((0.1, 0.1), (0.9, 0.1), (0.9, 0.9)), "shares of the image"),
        (polygon((10, 10), (90, 10)), "three corners"),
        (polygon((10, float("nan")), (90, 10), (50, 50)), "finite"),
        (polygon(("a", "b"), (90, 10), (50, 50)), "finite"),
        ({"type": "Feature", "geometry": {"type": "Point", "coordinates": [5, 5]}}, "draw it as a polygon"),
        ({"type": "FeatureCollection"}, "no GeoJSON"),
        ([1, 2], "no GeoJSON"),
        ("x", "no GeoJSON"),
        (None, "no GeoJSON"),
    ],
)
def test_what_is_no_region_is_refused_in_one_sentence(tree, told):
    with pytest.raises(InputError, match=told) as refused:
        from_geojson(tree, SHAPE, "a.geojson")
    assert "\n" not in str(refused.value)
    assert ";" in str(refused.value)  # with the way out


def test_no_json_is_refused(tmp_path):
    (tmp_path / "a.geojson").write_text("{")
    with pytest.raises(InputError, match="cannot be read as GeoJSON; export"):
        read_regions(tmp_path / "a.geojson", SHAPE)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=3, max_size=8))
def test_a_ring_crosses_itself_where_two_of_its_edges_do(corners):
    ring = (*corners, corners[0])
    edges = [np.array(pair, float) for pair in zip(ring[:-1], ring[1:], strict=True)]
    assert crosses_itself((ring,)) == any(_cross(a, b) for a in edges for b in edges)


def _cross(p, q) -> bool:
    """Solve for the place where two lines meet, which lies inside both edges where they cross."""
    matrix = np.array([p[1] - p[0], q[0] - q[1]]).T
    if abs(np.linalg.det(matrix)) < 1e-9:
        return False
    s, t = np.linalg.solve(matrix, q[0] - p[0])
    return 1e-9 < s < 1 - 1e-9 and 1e-9 < t < 1 - 1e-9
