"""The bundled network finds sharp and long cells without a hint."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import ndimage

from cellapp.config import REPOSITORY
from cellapp.images.preprocess import Preprocessor
from cellapp.images.read import open_slide
from cellapp.pipeline.segment_slide import segment_image
from cellapp.segmentation import network_size
from cellapp.segmentation.classical import Classical
from cellapp.segmentation.compact import CompactSegmenter
from cellapp.segmentation.diameter import CellSize
from cellapp.segmentation.network_size import SizeFinder
from cellapp.segmentation.run_segmenter import segment
from cellapp.segmentation.size_trials import SPECK_PX, Trial, _measured
from cellapp.segmentation.slide_fit import fit_slide
from cellapp.settings import AnalyseSettings, PreprocessSettings, SegmentSettings
from cellapp.types.image import Role
from tests.paths import shared_case, shared_data
from tests.segmentation.phantoms import glowing, grid_of_discs, rods

OTHER, AUTOMATIC = (Role.OTHER,), SegmentSettings()
CASES = {"22-elongated/rods_soft.tif": 36, "22-elongated/spindles_soft.tif": 24, "13-appledouble/slides/a.tif": 16}


@pytest.fixture(scope="module")
def shipped():
    return CompactSegmenter(REPOSITORY / "models" / "compact")


@pytest.mark.parametrize(
    ("diameter_px", "noise"),
    [
        (10, 0.02),
        (12, 0.0),
        (12, 0.02),
        (20, 0.0),
        (40, 0.0),
        (40, 0.02),
        (60, 0.02),
        (90, 0.0),
        (90, 0.02),
        (120, 0.02),
    ],
)
def test_discs_with_a_hard_edge_are_found_and_measured(shipped, diameter_px, noise):
    pixels = glowing(grid_of_discs(diameter_px / 2, n=3, gap=3), noise=noise)
    found = segment(pixels, OTHER, shipped, AUTOMATIC)
    assert found.labels.max() == 9
    assert found.fit.diameter_px == pytest.approx(diameter_px, rel=0.2)


def test_the_same_cells_are_counted_at_four_scales(shipped):
    """As an image taken with 14, 20, 28 and 40 times magnification."""
    slide = open_slide(shared_data("segmentation/bbbc039/images") / "bbbc039_A02_s1.png")
    pixels = Preprocessor.fit(slide, PreprocessSettings()).read(slide)[:, :300, :400]
    found = [segment(ndimage.zoom(pixels, (1, s, s), order=1), OTHER, shipped, AUTOMATIC) for s in (0.7, 1, 1.4, 2)]
    counts = [int(one.labels.max()) for one in found]
    assert max(counts) <= 1.05 * min(counts)
    scaled = [one.fit.diameter_px / scale for one, scale in zip(found, (0.7, 1, 1.4, 2), strict=True)]
    assert max(scaled) <= 1.05 * min(scaled)


@pytest.mark.parametrize(
    ("length", "width", "angle", "pointed", "bend", "sigma_px", "n"),
    [
        (300, 10, 0.0, True, 0.0, 0, 3),
        (240, 8, 0.0, False, 0.15, 1, 2),
        (120, 12, 0.0, True, 0.0, 0, 3),
        (90, 6, 0.8, False, 0.0, 1, 3),
    ],
)
def test_rods_spindles_and_fibres_are_counted(shipped, length, width, angle, pointed, bend, sigma_px, n):
    """Those that the network breaks up at any size it looks for, or drops because their flows have several sinks."""
    truth = rods(length, width, angle=angle, pointed=pointed, bend=bend, n=n)
    pixels = ndimage.gaussian_filter(glowing(truth), (0, sigma_px, sigma_px))
    found = segment(pixels, OTHER, shipped, AUTOMATIC)
    assert found.labels.max() == n * n
    assert found.fit.width_px in (None, pytest.approx(width, abs=3))  # None: the masks of the network need no mending


@pytest.mark.parametrize("scale", [0.5, 1.0, 3.0])
def test_masks_of_grain_are_not_measured_however_many_there_are(scale):
    cells = [round(area * scale**2) for area in (90, 110, 130, 100, 120)]
    grain = [int(0.5 * SPECK_PX * scale**2)] * 40
    alone = _measured(cells, cells, scale)
    assert alone == pytest.approx(2 * np.sqrt(110 / np.pi), rel=0.02)
    assert _measured(cells + grain, cells + grain, scale) == alone
    assert _measured(grain, grain, scale) is None


def test_nuclei_in_grain_are_measured(shipped):
    """Sections of brain, whose nuclei of 11 px lie in noise of single pixels."""
    slide = open_slide(shared_data("segmentation/cfos/images") / "lab-mue_1052.png")
    pixels = Preprocessor.fit(slide, PreprocessSettings()).read(slide)[:, :256, :256]
    assert 7 < shipped.estimate_size(pixels, OTHER).diameter_px < 16


def test_dots_of_a_picture_without_cells_are_not_settled_on():
    """A size at which the network is in doubt gives way to one at which its masks are of the size looked for."""
    dots = Trial(9.0, 0.01, 0.05, covered=0.02, flow=0.4, measured_px=5.0, n_cells=400)
    cells = Trial(60.0, 0.1, 0.2, covered=0.2, flow=0.6, measured_px=52.0, n_cells=12)
    pieces = Trial(120.0, 0.1, 0.2, covered=0.4, flow=0.6, measured_px=20.0, n_cells=90)
    at = {15.0: dots, 30.0: dots, 60.0: cells, 120.0: pieces}
    finder = object.__new__(SizeFinder)
    finder._trials = SimpleNamespace(at=lambda scale, _: at[round(30 / scale, 1)])
    assert finder._firmest([dots]).diameter_px == 60.0
    sure = replace(dots, flow=0.8)
    assert finder._firmest([sure]).diameter_px == 9.0


def test_twenty_sound_masks_are_cells_however_small_a_share_they_are(monkeypatch):
    """As nuclei around an embryo, whose outline would be one sound cell."""
    monkeypatch.setattr(network_size, "estimate_size", lambda *_: CellSize(300.0))
    finder, embryo = object.__new__(SizeFinder), Trial(300.0, 0.95, 0.95, covered=0.4, flow=0.7, n_cells=1)
    finder._trials, finder._pixels, finder._roles = SimpleNamespace(at=lambda *_: embryo), None, ()
    nuclei = Trial(15.0, 0.04, 0.05, covered=0.03, flow=0.7, measured_px=15.0, n_cells=network_size.SOME_CELLS)
    assert finder._best_of([nuclei]).diameter_px == 15.0
    chance = replace(nuclei, n_cells=network_size.SOME_CELLS - 1)
    assert finder._best_of([chance]).diameter_px > 100


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
    pixels = glowing(rods(240, 8, bend=0.15, n=2))  # for which other sizes are tried
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
        assert "cells of 30 px were looked for" in note
        assert "which channel" in note
        assert "take another segmenter" in note
        assert segmenter.name not in note, "a digest tells a user nothing; run.json has it"
