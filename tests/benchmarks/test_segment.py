"""The segmenter's benchmark at a small size: both sides agree."""

import pytest

from benchmarks import segment

pytestmark = pytest.mark.slow


def test_the_number_formats_see_the_same_foreground():
    figures = segment.number_formats(side_px=96, runs=1)
    assert figures["same_foreground"] > 0.98
    assert figures["ratio_min"] <= figures["ratio"] <= figures["ratio_max"]


def test_the_flow_check_keeps_the_same_cells():
    figures = segment.flow_check(side_px=192, runs=1)
    assert figures["f1_at_iou_0.8"] >= 0.98
    assert figures["ratio"] > 0


def test_the_whole_way_is_timed_against_classical():
    assert segment.against_classical(side_px=128, runs=1)["ratio"] > 0
