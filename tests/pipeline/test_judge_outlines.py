"""Outlines are judged by the calibration of their segmenter, and the same words reach summary.csv and come back."""

import csv
import json
import pickle
from dataclasses import dataclass

import numpy as np
import pytest

from cellapp.exports.image_folder import read_analysis, write_analysis
from cellapp.exports.outline_columns import outline_columns, quality_of_row
from cellapp.exports.tables import SUMMARY_COLUMNS, write_summary
from cellapp.models.bundle import RunModels
from cellapp.pipeline.analyse import analyse
from cellapp.pipeline.checkpoint import temporary_checkpoint
from cellapp.pipeline.context import make_context, run_serially
from cellapp.pipeline.judge_outlines import judge_outlines
from cellapp.pipeline.progress import no_progress
from cellapp.pipeline.segment_slide import segment_image, segment_slide
from cellapp.segmentation.reliability import Calibration
from cellapp.segmentation.second_look import look_again
from cellapp.settings import AnalyseSettings
from cellapp.types.outlines import OutlineQuality
from tests.cells.toy import slide_of
from tests.segmentation.phantoms import grid_of_discs
from tests.training.segmenter.test_reliability import FromPixelsOnly

COUNTING = {"classify": {"head": None}}
TILED = {**COUNTING, "segment": {"tile_px": 256}}
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


def test_windows_looked_at_by_any_process_in_any_order_give_the_evidence_of_one(monkeypatch):
    wide = slide_of((1000 * (grid_of_discs(8, n=16) > 0))[None].astype(np.uint16), ("gray",))
    context = make_context(wide, None, RunModels(Judged()), AnalyseSettings.model_validate(TILED))
    evidence, asked = [], []
    monkeypatch.setattr(Calibration, "expect", lambda _, seen: evidence.append(seen))

    def backwards(task, parts):
        asked.append(len(parts))
        return (pickle.loads(pickle.dumps(task(context, part))) for part in parts[::-1])

    with temporary_checkpoint() as checkpoint:
        mask = segment_slide(context, checkpoint, run_serially(context), no_progress)
        for run_tasks in (run_serially(context), backwards):
            judge_outlines(context, mask, checkpoint, run_tasks)
        pixels = context.preprocessor.read(context.slide)
        at_once = look_again(
            lambda at: pixels[(slice(None), *at.slices)],
            mask.labels,
            context.slide_roles,
            context.segmenter,
            context.settings.segment,
            mask.fit,
        )
    assert asked == [4]
    assert evidence == [at_once, at_once]
