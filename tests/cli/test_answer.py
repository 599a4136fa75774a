"""What `analyse` and `predict` say where classes are no answer."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from cellapp.cli import main
from cellapp.cli.analyse import WAY_OUT, _line
from tests.paths import shared_data

SHOWN = "demonstration head, trained on synthetic cells"


def row(fitness, reason="", *, n_unlike=0):
    counts = {"n_cells": 139, "n_cancer": 84, "n_normal": 50, "n_unsure": 3}
    ours = {"n_classified": 137, "n_unlike_training": n_unlike, "answer": fitness, "answer_reason": reason}
    return {"image": "a", **counts, **ours}


def test_a_line_leads_with_the_count_and_gives_no_class_of_cells_that_nobody_can_judge():
    assert _line(row("fit")) == "a: 139 cells, 84 cancer, 50 normal, 3 unsure"
    assert _line(row("fit", n_unlike=9)).endswith("3 unsure, 9 unlike the training cells")
    assert (
        _line(row("unfit", SHOWN))
        == f"a: 139 cells. For show only: {SHOWN}, which calls 84 cancer, 50 normal, 3 unsure"
    )
    reason = f"{SHOWN}; 94 of 137 unlike its training cells"
    assert _line(row("unfit", reason, n_unlike=94)) == f"a: 139 cells. No classifier for cells like these: {reason}"


def smear(path):
    """Draw a stained smear: pale red cells on white, none of which looks like a cell in fluorescence."""
    y, x = np.mgrid[:192, :192]
    picture = np.full((192, 192, 3), 245, np.uint8)
    for row_of, column in ((y0, x0) for y0 in (36, 96, 156) for x0 in (36, 96, 156)):
        picture[(y - row_of) ** 2 + (x - column) ** 2 < 18**2] = (215, 120, 140)
    Image.fromarray(picture).save(path)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("drawn", [True, False])
def test_a_smear_gets_its_count_and_no_class(tmp_path, capsys, drawn):
    real = None if drawn else shared_data("fields/bccd") / "images" / "BloodImage_00000.jpg"
    path = real or smear(tmp_path / "smear.png")
    assert main(["analyse", str(path), "--out", str(tmp_path / "out"), "--segmenter", "classical", "--json"]) == 0
    first, way_out, last = capsys.readouterr().out.strip().splitlines()
    told = json.loads(last)
    (image,) = told["images"]
    assert first == _line(image)
    assert first.startswith(f"{path.stem}: {image['n_cells']:,} cells. No classifier for cells like these: {SHOWN}; ")
    assert way_out == WAY_OUT
    assert "cancer" not in first
    assert told["answer"] == image["answer"] == "unfit"
    with (tmp_path / "out" / "summary.csv").open(newline="") as file:
        (written,) = csv.DictReader(file)
    run = json.loads((tmp_path / "out" / path.stem / "run.json").read_text())
    assert written["answer"] == run["answer"] == "unfit"
    assert written["answer_reason"] == run["answer_reason"] == image["answer_reason"]
    assert int(written["n_unlike_training"]) > int(written["n_classified"]) / 2
    assert run["demonstration"] == "trained on synthetic cells"


@pytest.mark.slow
def test_predict_says_it_of_pictures(tmp_path, capsys):
    (tmp_path / "crops").mkdir()
    smear(tmp_path / "crops" / "a.png")
    assert (
        main(["predict", str(tmp_path / "crops"), "--head", "demo-head", "--out", str(tmp_path / "o.csv"), "--json"])
        == 0
    )
    lines = capsys.readouterr().out.strip().splitlines()
    assert lines[0].startswith("1 picture. ")
    assert SHOWN in lines[0]
    assert json.loads(lines[-1])["answer"] == "unfit"
