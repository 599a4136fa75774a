"""Any region asked for is brought into the image."""

from hypothesis import given
from hypothesis import strategies as st

from cellapp.types.image import Region
from cellapp.ui.segment.workbench import MAX_SIDE_PX, central_region, fit_region

sizes = st.tuples(st.integers(1, 5000), st.integers(1, 5000))
wild = st.builds(Region, *(st.integers(-9000, 9000),) * 2, *(st.integers(-10, 9000),) * 2)


def inside(region, shape):
    return (
        region.y >= 0
        and region.x >= 0
        and region.y + region.height <= shape[0]
        and region.x + region.width <= shape[1]
        and 0 < region.height <= MAX_SIDE_PX
        and 0 < region.width <= MAX_SIDE_PX
    )


@given(sizes)
def test_the_central_region_lies_in_the_image(shape):
    region = central_region(shape)
    assert inside(region, shape)
    assert abs(region.y + region.height / 2 - shape[0] / 2) <= 0.5


@given(wild, sizes)
def test_any_region_is_brought_into_the_image_and_then_stays(region, shape):
    fitted = fit_region(region, shape)
    assert inside(fitted, shape)
    assert fit_region(fitted, shape) == fitted
