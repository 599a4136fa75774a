"""Benchmarks of whole slides, on slides that are none."""

import pytest

from benchmarks import child, slides, tiles

pytestmark = pytest.mark.slow


def test_a_child_says_what_it_cost_and_what_it_said(tmp_path):
    (tmp_path / "talks.py").write_text("x = bytearray(10**8)\nprint('words')\nprint('{\"n\": 3}')\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(child, "ROOT", tmp_path)
        spent = child.run("talks", [])
    assert spent.said == {"n": 3}
    assert spent.peak_mb > 95
    assert spent.cpu_s > 0
    assert spent.wall_s > 0


def test_a_child_that_fails_is_not_taken_for_a_result_and_one_may_be_killed(tmp_path):
    (tmp_path / "fails.py").write_text("raise SystemExit(3)\n")
    (tmp_path / "sleeps.py").write_text("import time\ntime.sleep(60)\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(child, "ROOT", tmp_path)
        with pytest.raises(RuntimeError, match="ended with 3"):
            child.run("fails", [])
        assert child.run("sleeps", [], kill_when=lambda: True).wall_s < 30


def test_the_whole_job_is_compared_with_a_sixteenth_and_survives_a_kill(tmp_path):
    slide, small = slides.demo(tmp_path, (640, 512)), slides.demo(tmp_path, (160, 128))
    quick = ("--segmenter", "classical", "--head", "none")
    spent, figures = slides.per_megapixel(slide, small, tmp_path / "whole", *quick)
    assert figures["ratio"] > 0
    assert figures["n_cells"][0] > figures["n_cells"][1]
    assert figures["peak_mb"] > 100
    again = slides.resumed(slide, tmp_path / "resumed", spent, tmp_path / "whole" / slide.parent.name, *quick)
    assert again["same_cells"]
    assert again["ratio"] > 0.5


def test_tiles_find_what_cellpose_finds_on_the_whole(tmp_path):
    figures = tiles.compare(tmp_path, 400, 256)
    assert figures["f1_at_iou_0.8"] >= 0.97
    assert figures["n_cells"][0] > 10
    assert figures["ratio"] > 0
