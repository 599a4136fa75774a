"""A run with regions has those cells of the whole image whose centre lies in them, in one piece and in tiles."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.models.bundle import RunModels
from cellapp.pipeline.analyse import analyse
from cellapp.pipeline.checkpoint import temporary_checkpoint
from cellapp.pipeline.context import make_context
from cellapp.pipeline.segment_slide import segment_image, segment_slide
from cellapp.regions.coverage import coverage
from cellapp.segmentation.classical import Classical
from cellapp.segmentation.limit import NONE_INSIDE, cell_centres
from cellapp.settings import AnalyseSettings
from cellapp.synthetic.field import render_field
from cellapp.synthetic.settings import SyntheticSettings
from cellapp.types.cells import LabelMask
from cellapp.types.drawn_regions import DrawnRegion, DrawnRegions
from tests.cells.toy import slide_of

SHAPE = (400, 620)
NAMES = ("actin", "cytoplasm", "nucleus")


def of(tile_px):
    chosen = {"segmenter": "classical", "tile_px": tile_px, "diameter": 40, "second_look": False}
    return AnalyseSettings.model_validate({"segment": chosen, "classify": {"head": None}})


def box(y0, x0, y1, x1, *, keep=True, name="a"):
    return DrawnRegion(name, ((((x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)),),), keep)


@pytest.fixture(scope="module")
def field():
    pixels, _, _ = render_field(SyntheticSettings(height=SHAPE[0], width=SHAPE[1], seed=3, noise=0.2))
    return slide_of(pixels, NAMES)


@pytest.fixture(scope="module")
def wholes(field):
    return {side: np.array(segment_image(field, Classical(), of(side)).labels) for side in (256, 2048)}


def expected(whole, regions):
    """Keep the cells of the whole image one by one, and number them in the order of their ids."""
    covered, kept = coverage(regions, SHAPE), np.zeros_like(whole)
    ids, y, x = cell_centres(whole)
    for number, cell in enumerate(ids[covered.contains(y, x)], start=1):
        kept[whole == cell] = number
    return kept


places = st.tuples(st.integers(0, 380), st.integers(0, 600), st.integers(20, 380), st.integers(20, 380), st.booleans())
drawn = st.lists(places, min_size=1, max_size=3).map(
    lambda some: DrawnRegions(tuple(box(y, x, y + height, x + width, keep=keep) for y, x, height, width, keep in some))
)


@pytest.mark.slow
@settings(max_examples=5, deadline=None)
@given(regions=drawn)
@pytest.mark.parametrize("tile_px", [256, 2048])
def test_the_cells_are_those_of_the_whole_with_their_centre_inside(field, wholes, tile_px, regions):
    found = segment_image(field, Classical(), of(tile_px), regions=regions).labels
    assert (np.array(found) == expected(wholes[tile_px], regions)).all()


def test_tiles_far_from_regions_are_not_segmented(field):
    done = []

    def watched(context):
        return lambda task, parts: (done.append(part.core) or task(context, part) for part in parts)

    context = make_context(field, None, RunModels(Classical()), of(256), DrawnRegions((box(0, 0, 10, 10),)))
    with temporary_checkpoint() as checkpoint:
        segment_slide(context, checkpoint, watched(context), lambda step, part: None)
    assert len(done) == 1


def test_labels_that_were_given_keep_their_ids_and_counts_say_the_area(field, wholes):
    labels = LabelMask(wholes[2048] * 7, "imported@1")
    regions = DrawnRegions((box(0, 0, 400, 300), box(100, 0, 200, 300, keep=False, name="b")))
    analysis = analyse(field, RunModels(Classical()), of(2048), labels=labels, regions=regions)
    ids, y, x = cell_centres(labels.labels)
    inside = (x < 300) & ((y < 100) | (y >= 200))
    assert analysis.cells.index.tolist() == ids[inside].tolist()
    told = analysis.provenance["regions"]
    assert (told["area_px"], told["kept"], told["left_out"]) == (300 * 300, ["a"], ["b"])
    area = coverage(regions, SHAPE).mask(field.whole)
    assert analysis.confluency == pytest.approx((np.array(analysis.mask.labels)[area] > 0).sum() / area.sum())


def test_a_region_without_cells_is_a_result(field, wholes):
    empty = np.argwhere(wholes[2048] == 0)[0].tolist()
    regions = DrawnRegions((box(empty[0], empty[1], empty[0] + 1, empty[1] + 1),))
    analysis = analyse(field, RunModels(Classical()), of(2048), regions=regions)
    assert (len(analysis.cells), analysis.mask.note) == (0, NONE_INSIDE)
