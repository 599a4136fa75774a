import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cellapp.segmentation.preview import PreviewFlows
from cellapp.settings import QualitySettings
from cellapp.types.cells import LabelMask
from cellapp.types.image import Region
from cellapp.ui.segment.region_cells import MAX_SIDE_PX, assess_region, central_region, cut_cells, fit_region

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


def flows_of(region, labels):
    raw = np.random.default_rng(0).integers(1, 200, (2, *labels.shape)).astype(np.uint8)
    return PreviewFlows(region, raw, raw.astype(np.float32), None, 10.0)


def blocks():
    """Three cells: one at the left edge, one at the top edge, one in the middle."""
    labels = np.zeros((60, 60), np.int32)
    labels[20:30, 0:10] = 1
    labels[0:10, 20:30] = 2
    labels[25:35, 25:35] = 3
    return labels


def judged(region, shape, **rules):
    labels = blocks()
    quality = QualitySettings(**rules)
    return assess_region(flows_of(region, labels), LabelMask(labels, "t@1"), quality, shape=shape, channels=("a", "b"))


def test_cells_cut_by_the_region_are_not_judged():
    cells = judged(Region(100, 100, 60, 60), (1000, 1000))
    assert cells.index.tolist() == [3]
    assert cells["qc_pass"].all()


def test_cells_at_the_edge_of_the_image_are_rejected_by_the_border_rule_only():
    cells = judged(Region(100, 0, 60, 60), (1000, 1000))
    assert cells.index.tolist() == [1, 3]
    assert cells["qc_pass"].tolist() == [False, True]
    assert judged(Region(100, 0, 60, 60), (1000, 1000), border=False)["qc_pass"].all()


def test_a_region_that_is_the_whole_image_cuts_nothing():
    assert cut_cells(blocks(), Region(0, 0, 60, 60), (60, 60)).size == 0


def test_no_cells_are_judged_as_no_rows():
    labels = np.zeros((8, 8), np.int32)
    region = Region(0, 0, 8, 8)
    cells = assess_region(
        flows_of(region, labels), LabelMask(labels, "t@1"), QualitySettings(), shape=(8, 8), channels=("a", "b")
    )
    assert len(cells) == 0
