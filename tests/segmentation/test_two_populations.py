"""Cells of two sizes in one image: both are found, and one look alone stays as it is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from cellapp.config import REPOSITORY
from cellapp.segmentation.compact import CompactSegmenter
from cellapp.segmentation.label_image import relabel
from cellapp.segmentation.run_segmenter import segment
from cellapp.segmentation.slide_fit import fit_slide
from cellapp.segmentation.two_populations import join_populations
from cellapp.settings import SegmentSettings
from cellapp.types.image import Role
from tests.segmentation.phantoms import discs, glowing

OTHER, AUTOMATIC = (Role.OTHER,), SegmentSettings()
LABELS = arrays(np.int32, (12, 12), elements=st.integers(0, 4))


@given(small=LABELS, large=LABELS)
@settings(max_examples=40, deadline=None)
def test_masks_put_together_are_masks_of_either_look(small, large):
    small, large = relabel(small), relabel(large)
    joined = join_populations(small, large)
    ids = np.unique(joined)
    np.testing.assert_array_equal(ids[ids > 0], np.arange(1, joined.max() + 1))
    assert not ((joined > 0) & (small == 0) & (large == 0)).any()
    for cell in ids[ids > 0]:
        part = joined == cell
        assert any((part <= (look == look[part][0])).all() and look[part][0] > 0 for look in (small, large))


def test_large_masks_stay_where_small_ones_leave_them_bare():
    large = discs((80, 160), [(40, 40), (40, 120)], 30)
    rim = np.where(large == 1, 0, 0).astype(np.int32)
    rim[38:42, 10:14] = 1  # what a look for small cells sees of the first
    inside = discs((80, 160), [(y, x) for y in (20, 40, 60) for x in (103, 120, 137)], 8)
    small = np.where(inside > 0, inside + 1, rim)
    joined = join_populations(small, large)
    assert joined.max() == 10  # the first large one, and the nine small ones in the second
    assert joined[40, 12] == joined[40, 40] > 0


@pytest.fixture(scope="module")
def shipped():
    return CompactSegmenter(REPOSITORY / "models" / "compact")


@pytest.fixture(scope="module")
def mixed():
    """Twelve discs of 60 px and as many of 14 px, their number, and an image of them."""
    places = [(50 + 100 * row, 50 + 100 * column) for row in range(3) for column in range(4)]
    labels = discs((320, 420), places, 30)
    labels += discs((320, 420), [(y + 50, x + 46) for y, x in places], 7) * (labels == 0) * 100
    n_cells = len(np.unique(labels)) - 1
    return n_cells, np.clip(ndimage.gaussian_filter(glowing(labels), (0, 1, 1)), 0, 1)


def test_both_populations_are_found_without_a_hint_and_in_tiles(shipped, mixed):
    n_cells, pixels = mixed
    found = segment(pixels, OTHER, shipped, AUTOMATIC)
    assert found.labels.max() == pytest.approx(n_cells, rel=0.1)
    fit = fit_slide([pixels], OTHER, shipped, AUTOMATIC)
    assert fit.size == found.fit.size
    assert 2 * fit.reach_px >= 60  # tiles overlap by that much: by the largest cell
    np.testing.assert_array_equal(segment(pixels, OTHER, shipped, AUTOMATIC, fit=fit).labels, found.labels)
