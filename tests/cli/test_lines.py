"""`lines train` and `lines predict`: the files that contracts name, from folders of time series."""

import json

import pandas as pd
import pytest

from cellapp.cli import main
from tests.paths import shared_data
from tests.training.lines.series import write_series


@pytest.mark.slow
def test_lines_are_learned_and_named(tmp_path, capsys):
    series = {"lines": ("fine", "coarse"), "places": 1, "times": 2, "side": 128}
    write_series(tmp_path / "known", batches=2, **series)
    asked = ["lines", "train", str(tmp_path / "known"), "--out", str(tmp_path / "model"), "--epochs", "40", "--json"]
    assert main(asked) == 0
    metrics = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert metrics["lines"] == ["coarse", "fine"]
    assert {"batch_separated", "batch_stratified", "gap"} <= set(metrics)
    stored = json.loads((tmp_path / "model" / "metrics.json").read_text())
    assert stored["batch_separated"] == metrics["batch_separated"]
    attention = pd.read_csv(tmp_path / "model" / "attention.csv")
    assert attention.columns.tolist() == ["file", "y", "x", "time_h", "weight"]
    assert attention["weight"].sum() == pytest.approx(4, rel=1e-4)
    growth = pd.read_csv(tmp_path / "model" / "growth.csv")
    assert len(growth) == 8
    doubling = pd.read_csv(tmp_path / "model" / "doubling.csv")
    assert doubling["sequence"].tolist() == list(dict.fromkeys(growth["sequence"]))
    assert doubling["note"].str.contains("fewer than 3 times").all()

    write_series(tmp_path / "new", batches=1, seed=1, **series)
    asked = [
        "lines",
        "predict",
        str(tmp_path / "new"),
        "--model",
        str(tmp_path / "model"),
        "--out",
        str(tmp_path / "p"),
    ]
    assert main([*asked, "--json"]) == 0
    table = pd.read_csv(tmp_path / "p" / "predictions.csv")
    assert table["line"].tolist() == ["coarse", "fine"]
    assert set(table["called"]) <= {"coarse", "fine"}
    assert table[["p_coarse", "p_fine"]].sum(axis=1).tolist() == pytest.approx([1, 1], abs=1e-5)


def test_what_does_not_fit_is_said_in_one_line(tmp_path, capsys):
    write_series(tmp_path / "one", lines=("fine",), batches=2, places=1, times=1, side=32)
    for asked, said in (
        (["train", str(tmp_path / "one")], "naming lines needs sequences of at least two"),
        (["predict", str(tmp_path / "one"), "--model", str(tmp_path)], "holds no network of lines"),
    ):
        assert main(["lines", *asked, "--out", str(tmp_path / "out")]) == 2
        printed = capsys.readouterr().err
        assert said in printed
        assert printed.strip().count("\n") == 0


def test_growth_is_drawn_from_images_and_from_counted_cells(tmp_path, capsys):
    write_series(tmp_path / "series", lines=("fine",), batches=1, places=2, times=3, side=96)
    assert main(["growth", str(tmp_path / "series"), "--out", str(tmp_path / "grown"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["n"] == 2
    assert list(found["sentences"]) == ["confluency"]
    assert {"growth.csv", "doubling.csv", "doubling_by_condition.csv", "growth.html", "growth.svg"} == {
        path.name for path in (tmp_path / "grown").iterdir()
    }
    for hours, n in ((0, 4), (12, 8), (24, 16)):
        out = tmp_path / "run" / f"well_{hours}h"
        out.mkdir(parents=True)
        pd.DataFrame({"qc_pass": [True] * n + [False]}, index=range(n + 1)).rename_axis("cell_id").to_parquet(
            out / "cells.parquet"
        )
    assert main(["growth", str(tmp_path / "run"), "--out", str(tmp_path / "counted")]) == 0
    assert "all places doubles in 12.0 h" in capsys.readouterr().out
    assert main(["growth", str(tmp_path / "run"), "--out", str(tmp_path / "no"), "--pattern", "{place}"]) == 2
    assert "names no time" in capsys.readouterr().err


def test_growth_goes_by_the_times_that_a_file_of_several_tells(tmp_path, capsys):
    told = {"t001": "00d00h00m", "t002": "00d12h00m", "t003": "01d00h00m"}
    for n, (number, time) in zip((4, 8, 16), told.items(), strict=True):
        out = tmp_path / "run" / f"plate__s01_{number}"
        out.mkdir(parents=True)
        cells = pd.DataFrame({"qc_pass": [True] * n}, index=range(n)).rename_axis("cell_id")
        cells.to_parquet(out / "cells.parquet")
        (out / "run.json").write_text(json.dumps({"settings": {}, "image": {"time": time}, "summary": {}}))
    assert main(["growth", str(tmp_path / "run"), "--out", str(tmp_path / "counted")]) == 0
    assert "all places doubles in 12.0 h" in capsys.readouterr().out
    growth = pd.read_csv(tmp_path / "counted" / "growth.csv")
    assert growth[["sequence", "time_h"]].values.tolist() == [["plate__s01", at] for at in (0, 12, 24)]


def test_two_times_of_a_real_culture_are_drawn_without_a_fit(tmp_path, capsys):
    images = shared_data("fields/usiigaci_t98g_sample/images")
    assert main(["growth", str(images), "--every", "0.25", "--out", str(tmp_path)]) == 0
    assert "no fit, fewer than 3 times" in capsys.readouterr().out
    growth = pd.read_csv(tmp_path / "growth.csv")
    assert growth["time_h"].tolist() == [0.25, 2.5]
    assert growth["confluency"].between(0.2, 0.8).all()
    assert "<svg" in (tmp_path / "growth.svg").read_text()
