"""Which pixels drawn areas hold, against one test per pixel; borders belong to one of two neighbours."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.path import Path as Outline

from cellapp.regions.coverage import coverage
from cellapp.types.drawn_regions import DrawnRegion, DrawnRegions
from cellapp.types.image import Region

SHAPE = (23, 31)
number = st.integers(-8, 80).map(lambda n: n / 2)
rings = st.lists(st.tuples(number, number), min_size=3, max_size=7).map(lambda corners: (*corners, corners[0]))
drawn = st.lists(st.tuples(st.lists(rings, min_size=1, max_size=2), st.booleans()), max_size=4).map(
    lambda some: DrawnRegions(tuple(DrawnRegion("a", (tuple(polygon),), keep) for polygon, keep in some))
)


def inside(polygon, y: float, x: float) -> bool:
    """Count, one edge after the other, how often a line to the left of a place crosses the rings."""
    n = 0
    for ring in polygon:
        for (x0, y0), (x1, y1) in zip(ring[:-1], ring[1:], strict=True):
            if (y0 <= y) != (y1 <= y):
                (xa, ya), (xb, yb) = ((x0, y0), (x1, y1)) if y0 < y1 else ((x1, y1), (x0, y0))
                n += xa + (y - ya) * (xb - xa) / (yb - ya) <= x
    return n % 2 == 1


def expected(regions: DrawnRegions) -> np.ndarray:
    def counts(y: int, x: int) -> bool:
        held = [any(inside(polygon, y + 0.5, x + 0.5) for polygon in one.polygons) for one in regions.regions]
        kept = [here for here, one in zip(held, regions.regions, strict=True) if one.keep]
        out = [here for here, one in zip(held, regions.regions, strict=True) if not one.keep]
        return (any(kept) if kept else True) and not any(out)

    return np.array([[counts(y, x) for x in range(SHAPE[1])] for y in range(SHAPE[0])])


@settings(max_examples=60, deadline=None)
@given(drawn, st.integers(0, 22), st.integers(0, 30), st.integers(1, 20), st.integers(1, 20))
def test_every_view_of_the_pixels_is_that_of_each_pixel(regions, y, x, height, width):
    covered, truth = coverage(regions, SHAPE), expected(regions)
    rows, columns = np.indices(SHAPE)
    assert (covered.contains(rows.ravel(), columns.ravel()).reshape(SHAPE) == truth).all()
    assert (covered.mask(Region(0, 0, *SHAPE)) == truth).all()
    assert covered.area_px == truth.sum()
    window = Region(y, x, min(height, SHAPE[0] - y), min(width, SHAPE[1] - x))
    assert (covered.mask(window) == truth[window.slices]).all()
    assert covered.touches(window) == truth[window.slices].any()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 31), st.floats(0, 23)), min_size=3, max_size=9, unique=True))
def test_pixels_off_the_border_are_those_of_another_program(corners):
    ring = (*corners, corners[0])
    covered = coverage(DrawnRegions((DrawnRegion("a", ((ring,),)),)), SHAPE).mask(Region(0, 0, *SHAPE))
    places = np.stack(np.indices(SHAPE)[::-1], axis=-1).reshape(-1, 2) + 0.5
    outline = Outline(np.array(ring), closed=True)
    # matplotlib takes the non-zero rule for none: both agree where the even-odd count of a simple ring is asked
    sure = np.array([_distance(ring, place) > 1e-6 for place in places]).reshape(SHAPE)
    winding = np.array([_winding(ring, place) for place in places]).reshape(SHAPE)
    other = outline.contains_points(places).reshape(SHAPE)
    simple = np.abs(winding) <= 1
    assert (covered == other)[sure & simple].all()


def test_neighbours_share_no_pixel_and_miss_none():
    left = DrawnRegion("l", ((((0, 0), (10.5, 0), (13.5, 23), (0, 23), (0, 0)),),))
    right = DrawnRegion("r", ((((10.5, 0), (31, 0), (31, 23), (13.5, 23), (10.5, 0)),),))
    areas = [coverage(DrawnRegions((one,)), SHAPE).area_px for one in (left, right)]
    assert sum(areas) == SHAPE[0] * SHAPE[1] == coverage(DrawnRegions((left, right)), SHAPE).area_px


def test_a_slide_of_a_hundred_thousand_pixels_a_side_needs_no_mask():
    ring = ((0, 0), (1e5, 3), (9e4, 1e5), (50, 7e4), (0, 0))
    covered = coverage(DrawnRegions((DrawnRegion("a", ((ring,),)),)), (100_000, 100_000))
    area = 0.5 * abs(sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in zip(ring[:-1], ring[1:], strict=True)))
    assert abs(covered.area_px / area - 1) < 1e-4
    assert covered.starts.nbytes < 2_000_000


def _distance(ring, place) -> float:
    a, b = np.array(ring[:-1]), np.array(ring[1:])
    along = np.clip(((place - a) * (b - a)).sum(1) / np.maximum(((b - a) ** 2).sum(1), 1e-12), 0, 1)
    return float(np.hypot(*(a + along[:, None] * (b - a) - place).T).min())


def _winding(ring, place) -> int:
    angles = np.unwrap(np.arctan2(*(np.array(ring) - place).T[::-1]))
    return round((angles[-1] - angles[0]) / (2 * np.pi))
