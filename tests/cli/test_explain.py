"""`explain findings` measures a folder of `analyse` once, and says the same again without its images."""

import json

import pytest

from cellapp.cli import main
from cellapp.explanation import finding_tables
from cellapp.exports.image_folder import write_analysis
from cellapp.exports.tables import read_cells, write_cells
from cellapp.synthetic.settings import SyntheticSettings
from cellapp.synthetic.write import write_demo
from tests.exports.toy import SETTINGS, toy_analysis


def said(capsys):
    return json.loads(capsys.readouterr().out.splitlines()[-1])


@pytest.mark.slow
def test_findings_are_measured_once_and_told_again(tmp_path, capsys, monkeypatch):
    slide = write_demo(tmp_path / "demo", SyntheticSettings(height=160, width=160, seed=1, density=0.5)).slide
    out = tmp_path / "out"
    assert main(["analyse", str(slide), "--out", str(out), "--segmenter", "classical"]) == 0
    assert main(["explain", "findings", str(out)]) == 2
    assert "give its images by --image" in capsys.readouterr().err
    assert main(["explain", "findings", str(out), "--image", str(slide), "--json"]) == 0
    first = said(capsys)
    assert first["target"] == "cancer"
    assert {row["name"] for row in first["tables"]["removals"]} >= {"channel_actin", "nucleus", "texture", "interior"}
    assert first["tables"]["descriptors"]
    assert main(["explain", "findings", str(out), "--json"]) == 0
    assert said(capsys) == first
    path = next(out.glob("*/cells.parquet"))
    cells = read_cells(path)
    write_cells(cells.assign(manual_label=cells["label"]), path)
    assert main(["explain", "findings", str(out), "--json"]) == 0
    assert {row["accuracy_before"] for row in said(capsys)["tables"]["removals"]} == {None}, "too few of each class"
    monkeypatch.setattr(finding_tables, "_too_few", lambda classes: False)
    assert main(["explain", "findings", str(out), "--json"]) == 0
    assert {row["accuracy_before"] for row in said(capsys)["tables"]["removals"]} == {1.0}


def test_what_has_no_classes_or_is_no_run_is_refused_in_a_sentence(tmp_path, capsys):
    write_analysis(*toy_analysis(4, classes=()), tmp_path / "out", settings=SETTINGS)
    assert main(["explain", "findings", str(tmp_path / "out")]) == 2
    assert "without classes" in capsys.readouterr().err
    assert main(["explain", "findings", str(tmp_path)]) == 2
    assert "no analysed image" in capsys.readouterr().err
