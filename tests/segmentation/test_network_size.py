"""The bundled network finds sharp and long cells without a hint."""

import numpy as np
import pytest
from scipy import ndimage

from cellapp.config import REPOSITORY
from cellapp.images.read import open_slide
from cellapp.pipeline.segment_slide import segment_image
from cellapp.segmentation.classical import Classical
from cellapp.segmentation.compact import CompactSegmenter
from cellapp.segmentation.run_segmenter import segment
from cellapp.segmentation.slide_fit import fit_slide
from cellapp.settings import AnalyseSettings, SegmentSettings
from cellapp.types.image import Role
from tests.paths import shared_case
from tests.segmentation.phantoms import glowing, grid_of_discs, rods

OTHER, AUTOMATIC = (Role.OTHER,), SegmentSettings()
CASES = {"22-elongated/rods_soft.tif": 36, "22-elongated/spindles_soft.tif": 24, "13-appledouble/slides/a.tif": 16}


@pytest.fixture(scope="module")
def shipped():
    return CompactSegmenter(REPOSITORY / "models" / "compact")


@pytest.mark.parametrize("noise", [0.0, 0.02])
@pytest.mark.parametrize("diameter_px", [12, 40, 90])
def test_discs_with_a_hard_edge_are_found(shipped, diameter_px, noise):
    pixels = glowing(grid_of_discs(diameter_px / 2, n=3, gap=3), noise=noise)
    assert segment(pixels, OTHER, shipped, AUTOMATIC).labels.max() == 9


@pytest.mark.parametrize("diameter_px", [10, 14])
def test_many_cells_in_one_bright_outline_are_not_one_cell(shipped, diameter_px):
    """As nuclei of an embryo in the light of their neighbours."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:400, :400]
    cells = np.zeros((400, 400))
    for row, column in np.mgrid[60 : 340 : diameter_px * 1.15, 60 : 340 : diameter_px * 1.15].reshape(2, -1).T:
        row, column = row + rng.normal(), column + rng.normal()
        if np.hypot(row - 200, column - 200) < 130:
            distance = ((rows - row) ** 2 + (columns - column) ** 2) / (2 * (diameter_px / 3) ** 2)
            cells = np.maximum(cells, rng.uniform(0.6, 1) * np.exp(-(distance**1.5)))
    light = ndimage.gaussian_filter(0.3 * (np.hypot(rows - 200, columns - 200) < 140), 6)
    pixels = np.clip(0.6 * cells + light + rng.normal(0, 0.02, cells.shape), 0, 1)[None].astype(np.float32)
    size = shipped.estimate_size(pixels, (Role.NUCLEUS,))
    assert diameter_px / 2 < size.diameter_px < 2 * diameter_px


@pytest.mark.parametrize(
    ("length", "width", "options"),
    [
        (24, 12, {}),
        (64, 8, {"angle": 0.7}),
        (120, 10, {"angle": 1.2}),
        (110, 18, {"pointed": True}),
        (200, 8, {"bend": 0.1}),
    ],
    ids=["short", "rods", "thin", "spindles", "fibres"],
)
def test_long_cells_are_found_whole(shipped, length, width, options):
    truth = rods(length, width, n=2, **options)
    assert segment(glowing(truth), OTHER, shipped, AUTOMATIC).labels.max() == 4


def test_a_slide_in_tiles_takes_the_size_and_shape_of_the_whole(shipped):
    pixels = glowing(rods(120, 10, n=2))
    size = shipped.estimate_size(pixels, OTHER)
    fit = fit_slide([pixels], OTHER, shipped, AUTOMATIC)
    assert fit.size == size
    assert len(size.tried_px) > 1
    tile = segment(pixels, OTHER, shipped, AUTOMATIC, fit=fit)
    np.testing.assert_array_equal(tile.labels, segment(pixels, OTHER, shipped, AUTOMATIC).labels)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", ["classical", "compact"])
def test_cases_from_bug_reports(shipped, case, name):
    folder, file = case.rsplit("/", 1)
    slide = open_slide(shared_case(folder) / file)
    found = segment_image(slide, Classical() if name == "classical" else shipped, AnalyseSettings())
    assert len(found.cell_ids) == pytest.approx(CASES[case], rel=0.1)
    assert found.note == ""


def test_no_cells_say_what_was_tried(shipped):
    blank = np.full((1, 80, 80), 0.5, np.float32)
    for segmenter in (Classical(), shipped):
        note = segment(blank, OTHER, segmenter, AUTOMATIC).note
        assert segmenter.name in note
        assert "30 px" in note
        assert "which channel" in note
