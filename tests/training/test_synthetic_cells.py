"""Labelled cells of synthetic slides."""

import numpy as np
import pytest

from cellapp.segmentation.classical import Classical
from cellapp.settings import FeatureSettings
from cellapp.synthetic.settings import SyntheticSettings
from cellapp.training.synthetic_cells import SIDE_PX, cut_cells, embed_found, find_cells, match_cells, vary
from cellapp.types.cells import LabelMask
from tests.encoders.tiny import tiny_encoder

READS = [FeatureSettings(), FeatureSettings(source="grid")]


@pytest.fixture(scope="module")
def found():
    return [find_cells(vary(seed, side_px=256), Classical()) for seed in (1, 2)]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return tiny_encoder(tmp_path_factory.mktemp("encoder"), input_px=SIDE_PX)


def test_each_cell_has_a_crop_and_a_class(found):
    assert sum(len(one.cells) for one in found) > 4
    for one in found:
        pixels = cut_cells(one)
        assert pixels.shape == (len(one.cells), 3, SIDE_PX, SIDE_PX)
        assert 0 <= pixels.min() < pixels.max() <= 1
        assert len(one.labels) == len(one.cells)
        assert set(one.labels) <= {"cancer", "normal"}


@pytest.mark.parametrize("reads", READS, ids=["crops", "grid"])
def test_each_cell_has_a_vector_a_class_and_a_slide(found, encoder, reads):
    cells = embed_found(found, encoder, reads)
    assert cells.embeddings.features.shape == (len(cells), 2 * encoder.dim)
    assert cells.embeddings.source == reads.source
    assert cells.embeddings.cell_ids.tolist() == list(range(len(cells)))
    assert cells.labels.tolist() == [label for one in found for label in one.labels]
    assert set(cells.slides) <= {"slide 1", "slide 2"}


def test_crops_are_letterboxed_cells_on_black(found):
    filled = cut_cells(found[0]).max(axis=1) > 0
    assert 0.3 < filled.mean() < 0.95
    assert (filled[:, SIDE_PX // 2, SIDE_PX // 2]).mean() > 0.9


def test_the_same_seed_gives_the_same_cells(found):
    again = find_cells(vary(1, side_px=256), Classical())
    np.testing.assert_array_equal(cut_cells(again), cut_cells(found[0]))
    np.testing.assert_array_equal(again.labels, found[0].labels)


@pytest.mark.parametrize("reads", READS, ids=["crops", "grid"])
def test_no_cells_are_no_rows(encoder, reads):
    empty = find_cells(SyntheticSettings(height=96, width=96, density=0), Classical())
    assert cut_cells(empty).shape == (0, 3, SIDE_PX, SIDE_PX)
    assert embed_found([empty], encoder, reads).embeddings.features.shape == (0, 2 * encoder.dim)


def test_slides_of_different_seeds_differ_in_everything_that_varies():
    slides = [vary(seed) for seed in range(8)]
    for name in ("density", "noise", "illumination", "cell_diameter_um"):
        assert len({getattr(slide, name) for slide in slides}) == 8
    assert {slide.n_channels for slide in slides} == {3, 4}


def test_cells_are_matched_by_overlap():
    truth = np.zeros((20, 30), int)
    truth[2:12, 2:12], truth[2:12, 15:25] = 7, 9
    found = np.zeros((20, 30), np.int32)
    found[2:12, 2:11] = 3  # 90 of 100 px of truth 7
    found[2:12, 21:30] = 4  # 40 of 150 px of truth 9
    assert match_cells(LabelMask(found, "test@1"), truth) == {3: 7}


def test_nothing_found_matches_nothing():
    assert match_cells(LabelMask(np.zeros((4, 4), np.int32), "test@1"), np.ones((4, 4), int)) == {}
