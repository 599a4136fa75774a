"""`quantify` on folders of runs: fractions per image and condition, and the error against known ratios."""

import json

import numpy as np
import pandas as pd
import pytest

from cellapp.cli import main
from cellapp.evaluation import quantification
from cellapp.exports.tables import write_cells
from tests.evaluation.calls import random_calls, write_calls
from tests.evaluation.test_quantification import population

FRACTIONS = {"a": 0.1, "b": 0.2, "c": 0.7}


@pytest.fixture(autouse=True)
def few_draws(monkeypatch):
    monkeypatch.setattr(quantification, "DRAWS", 30)


def write_image(folder, fraction, *, n=300, seed=0, head="mine@1"):
    """An analysed image with this fraction of cancer; every tenth cell was rejected and looks like cancer."""
    folder.mkdir(parents=True)
    p = population([fraction, 1 - fraction], n, skill=2, seed=seed)[0] if n else np.zeros((0, 2))
    cells = pd.DataFrame({"qc_pass": np.arange(n) % 10 > 0}, index=pd.RangeIndex(1, n + 1, name="cell_id"))
    if n:
        cells["p_cancer"], cells["p_normal"] = np.where(cells["qc_pass"].to_numpy()[:, None], p, [0.99, 0.01]).T
        cells.loc[cells.index[-1], ["p_cancer", "p_normal"]] = np.nan  # not classified
    write_cells(cells, folder / "cells.parquet")
    (folder / "run.json").write_text(json.dumps({"settings": {}, "image": {}, "summary": {}, "head": head}))
    return folder


@pytest.fixture
def run(tmp_path):
    for k, (name, fraction) in enumerate(FRACTIONS.items()):
        write_image(tmp_path / "run" / name, fraction, seed=k)
    return tmp_path / "run"


@pytest.fixture
def head(tmp_path):
    return str(write_calls(tmp_path / "mine", random_calls("mine", skill=2, n_groups=30, per_group=40)))


def last_json(capsys):
    return json.loads(capsys.readouterr().out.strip().splitlines()[-1])


def test_fractions_per_image_and_all(run, head, capsys):
    assert main(["quantify", str(run), "--head", head, "--json"]) == 0
    result = last_json(capsys)
    assert list(result["images"]) == list(FRACTIONS)
    assert result["n_cells"] == dict.fromkeys(FRACTIONS, 269)
    for name, fraction in FRACTIONS.items():
        row = result["images"][name]["cancer"]
        assert row.keys() == {"plain", "adjusted", "em", "low", "high"}
        assert abs(row["em"] - fraction) < 0.12
        assert row["low"] - 0.05 <= fraction <= row["high"] + 0.05
    assert result["all"]["cancer"]["low"] < 1 / 3 < result["all"]["cancer"]["high"]
    assert main(["quantify", str(run / "b"), str(run / "a"), "--head", head]) == 0
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == ["b", "a", "all"]


def test_known_ratios_and_conditions(run, head, tmp_path, capsys):
    known = tmp_path / "known.csv"
    known.write_text("\ufeffImage;cancer;normal;condition\nc.tif;7;3;treated\nb;1;4;\na.ome.tif;;;treated\n", "utf-8")
    assert main(["quantify", str(run), "--head", head, "--known", str(known), "--json"]) == 0
    result = last_json(capsys)
    assert list(result["conditions"]) == ["treated"]
    assert abs(result["conditions"]["treated"]["cancer"]["em"] - 0.4) < 0.1
    expected = [
        sum((result["images"][name][c]["em"] - share) ** 2 for c, share in (("cancer", f), ("normal", 1 - f)))
        for name, f in (("c", 0.7), ("b", 0.2))
    ]
    assert result["rmse"]["em"] == pytest.approx(np.sqrt(np.mean(expected)))
    assert result["rmse"]["em"] < result["rmse"]["plain"]


def test_images_of_one_name_and_without_cells_are_kept_apart(run, head, tmp_path, capsys):
    write_image(tmp_path / "other" / "a", 0.5, n=0)
    assert main(["quantify", str(run), str(tmp_path / "other"), "--head", head, "--json"]) == 0
    printed = capsys.readouterr().out.splitlines()
    result = json.loads(printed[-1])
    assert {"run/a", "other/a", "b", "c"} == result["images"].keys()
    assert result["images"]["other/a"]["cancer"]["em"] is None
    assert "other/a: no classified cells" in printed


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("image\na\n", "neither a column 'condition' nor one of 'cancer', 'normal'"),
        ("image,cancer\nz,1\n", "line 2: no image 'z'; there are a, b, c"),
        ("image,cancer\na,many\n", "write a ratio as one number per class"),
        ("image,cancer\na,-1\n", "numbers of 0 and more"),
        ("file,cancer\na,1\n", "has no column 'image'"),
    ],
)
def test_tables_that_cannot_be_used_are_refused(run, head, tmp_path, capsys, table, message):
    (tmp_path / "known.csv").write_text(table)
    assert main(["quantify", str(run), "--head", head, "--known", str(tmp_path / "known.csv")]) == 2
    assert message in capsys.readouterr().err


def test_runs_of_another_head_and_folders_without_runs_are_refused(run, head, tmp_path, capsys):
    write_image(run / "d", 0.5, head="other@2")
    assert main(["quantify", str(run), "--head", head]) == 2
    assert "with the head other@2, not with mine@1" in capsys.readouterr().err
    assert main(["quantify", str(tmp_path / "mine"), "--head", head]) == 2
    assert "no analysed image" in capsys.readouterr().err
