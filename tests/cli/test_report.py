"""`analyse --report` and `report` write one page whose cells are those of the images given."""

import json

import numpy as np
import pytest
import tifffile

from cellapp.cli import main
from cellapp.explanation.methods import METHOD_TITLES
from cellapp.exports.explanations import read_mean_maps
from cellapp.exports.image_folder import write_analysis
from cellapp.exports.report.figures import read_figures
from cellapp.exports.run_json import read_run
from cellapp.exports.tables import read_cells
from cellapp.pipeline import explain_method
from cellapp.synthetic.settings import SyntheticSettings
from cellapp.synthetic.write import write_demo
from tests.exports.toy import SETTINGS, toy_analysis


@pytest.mark.slow
def test_the_cells_of_a_run_are_in_its_report_and_stay_in_the_next(tmp_path, capsys, monkeypatch):
    slide = write_demo(tmp_path / "demo", SyntheticSettings(height=256, width=256, seed=1, density=0.4)).slide
    out = tmp_path / "out"
    assert main(["analyse", str(slide), "--out", str(out), "--report"]) == 0
    head = read_run(next(out.glob("*/run.json")))["head"]
    titles = [figure.title for figure in read_figures(out, head)]
    assert titles[-1] == "Mean map of each class"
    assert "Least sure cells" in titles
    html = (out / "report.html").read_text(encoding="utf-8")
    assert all(title in html for title in titles)
    assert html.count("logit per square") == len(titles) - 1
    check_one_method_for_all_maps(out, slide, monkeypatch)
    page, foreign = tmp_path / "mine" / "page.html", tmp_path / "other.tif"
    tifffile.imwrite(foreign, np.zeros((64, 64), np.uint8))
    capsys.readouterr()
    assert main(["report", str(out), "--out", str(page), "--title", "Mine", "--image", str(foreign), "--json"]) == 0
    said = capsys.readouterr()
    assert "none of the 1 images given was analysed" in said.err
    assert json.loads(said.out.splitlines()[-1])["images_shown"] == []
    assert "Least sure cells" in page.read_text(encoding="utf-8")
    check_reasons_of_a_cell(out, slide, capsys)


def check_one_method_for_all_maps(out, slide, monkeypatch):
    """Once another method is measured to be more faithful to the head, single and mean maps are made by it."""
    run = read_run(next(out.glob("*/run.json")))
    assert read_mean_maps(out, "cancer")[1] == METHOD_TITLES["exact"]
    best = {"class-token": {"true": True, "road": {"gain": {"value": 2.0, "low": 1.0}}}}
    with monkeypatch.context() as measured:
        measured.setattr(explain_method, "truth_of", lambda *_: best)
        assert main(["report", str(out), "--image", str(slide)]) == 0
    title = METHOD_TITLES["class-token"]
    assert read_mean_maps(out, "cancer")[1] == title
    assert all(title in figure.svg for figure in read_figures(out, run["head"]))
    html = (out / "report.html").read_text(encoding="utf-8")
    assert f"Maps of what speaks for and against a class are by {title} [" in html


def check_reasons_of_a_cell(out, slide, capsys):
    """The reasons of one call by example and by the real model, on the run that is there."""
    stem = next(out.glob("*/run.json")).parent.name
    cells = read_cells(out / stem / "cells.parquet")
    cell_id = int(cells[cells["label"] != ""].sort_values("margin").index[0])
    assert main(["explain", "cell", str(out), stem, str(cell_id), "--image", str(slide), "--json"]) == 0
    *lines, last = capsys.readouterr().out.splitlines()
    found = json.loads(last)
    assert found["label"] == cells.loc[cell_id, "label"]
    assert found["most_similar_other"]["label"] != found["label"]
    assert any("training cells of demo-head are not here" in line for line in lines)
    flip = found["flip"]
    assert (flip["label"], flip["target"]) == (found["label"], "cancer")
    assert flip["p"] == pytest.approx(cells.loc[cell_id, "p_cancer"], abs=1e-3)
    assert all(one["label"] != found["label"] and 1 / 8 <= one["factor"] <= 8 for one in flip["flips"])
    assert main(["explain", "cell", str(out), stem, "999999"]) == 2
    assert "its ids are in cells.csv" in capsys.readouterr().err


def test_a_run_without_classes_has_a_report_that_says_so(tmp_path, capsys):
    write_analysis(*toy_analysis(4, classes=()), tmp_path / "out", settings=SETTINGS)
    assert main(["report", str(tmp_path / "out")]) == 0
    text = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "No maps of cells were drawn" in text


def test_what_is_no_run_is_refused_in_a_sentence(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert main(["report", str(tmp_path / "empty")]) == 2
    assert "no analysed image in" in capsys.readouterr().err
    assert not (tmp_path / "empty" / "report.html").exists()
