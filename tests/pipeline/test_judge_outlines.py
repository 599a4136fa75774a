"""Outlines are judged by the calibration of their segmenter, and the same words reach summary.csv and come back."""

import csv
import json
from dataclasses import dataclass

import numpy as np
import pytest

from cellapp.exports.image_folder import read_analysis, write_analysis
from cellapp.exports.outline_columns import outline_columns, quality_of_row
from cellapp.exports.tables import SUMMARY_COLUMNS, write_summary
from cellapp.models.bundle import RunModels
from cellapp.pipeline.analyse import analyse
from cellapp.pipeline.segment_slide import segment_image
from cellapp.segmentation.reliability import Calibration
from cellapp.settings import AnalyseSettings
from cellapp.types.outlines import OutlineQuality
from tests.cells.toy import slide_of
from tests.segmentation.phantoms import grid_of_discs
from tests.training.segmenter.test_reliability import FromPixelsOnly

COUNTING = {"classify": {"head": None}}
TRUTH = grid_of_discs(8, n=4)


@dataclass
class Judged(FromPixelsOnly):
    """A segmenter with a calibration, by which every second look is as good."""

    expected: float = 0.8

    @property
    def calibration(self):
        flat = np.array([0.0, 1.0])
        return Calibration(np.zeros(6), np.zeros(6), flat, flat * 0 + self.expected, flat * 0 + 0.1, flat * 0 + 0.95)


def slide():
    return slide_of((1000 * (TRUTH > 0))[None].astype(np.uint16), ("gray",))


def analysed(segmenter, **segment):
    chosen = AnalyseSettings.model_validate({**COUNTING, "segment": segment})
    return analyse(slide(), RunModels(segmenter), chosen), chosen


@pytest.mark.parametrize("tile_px", [2048, 256])
def test_a_calibrated_segmenter_says_what_to_expect_of_its_outlines(tile_px, tmp_path):
    analysis, chosen = analysed(Judged(expected=0.3), tile_px=tile_px)
    quality = analysis.mask.outlines
    assert (quality.expected_ap, quality.low, quality.high) == (0.3, 0.1, 0.95)
    assert quality.unreliable
    row = write_analysis(analysis, slide(), tmp_path, settings=chosen)
    assert quality_of_row(row) == quality
    assert quality_of_row(json.loads((tmp_path / analysis.name / "run.json").read_text())["summary"]) == quality
    assert read_analysis(tmp_path / analysis.name).mask.outlines == quality
    write_summary([row], tmp_path)
    [written] = csv.DictReader((tmp_path / "summary.csv").open())
    assert [*written][-4:] == [*SUMMARY_COLUMNS[-4:]]
    assert written["outlines"] == quality.words
    assert float(written["expected_ap"]) == 0.3


def test_a_segmenter_without_a_calibration_says_that_it_cannot_tell():
    quality = analysed(FromPixelsOnly())[0].mask.outlines
    assert quality.expected_ap is None
    assert "was not measured on labelled images" in quality.words
    assert not quality.unreliable


def test_nothing_is_said_where_nobody_asks():
    analysis, _ = analysed(Judged(), second_look=False)
    assert analysis.mask.outlines is None
    assert outline_columns(None) == {}
    assert quality_of_row({"image": "a"}) is None


def test_an_image_without_cells_is_not_judged():
    empty = slide_of(np.zeros((1, 64, 64), np.uint16), ("gray",))
    chosen = AnalyseSettings.model_validate(COUNTING)
    quality = segment_image(empty, Judged(), chosen).outlines
    assert quality == OutlineQuality("Nothing can be told of these outlines: there is no whole cell to look at again")
