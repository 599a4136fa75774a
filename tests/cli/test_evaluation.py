"""`compare` and `ensemble` through the command line."""

import json

import pandas as pd
import pytest

from cellapp.cli import main
from tests.encoders.tiny import write_encoder
from tests.evaluation.calls import random_calls, write_calls
from tests.training.pictures import write_pictures


def last_json(capsys):
    return json.loads(capsys.readouterr().out.strip().splitlines()[-1])


def test_two_heads_give_the_tests_and_a_sentence(tmp_path, capsys):
    heads = [str(write_calls(tmp_path / n, random_calls(n, skill=s, noise=s))) for n, s in (("good", 4), ("poor", 1))]
    assert main(["compare", *heads, "--json"]) == 0
    result = last_json(capsys)
    assert {"paired_t", "corrected_t", "bootstrap", "sentence"} <= result.keys()
    assert result["sentence"].startswith("good is better than poor")
    assert main(["compare", *heads[::-1], "--score", "auc"]) == 0
    assert "good is better than poor: auc" in capsys.readouterr().out


def test_heads_of_different_folds_are_refused(tmp_path, capsys):
    heads = [str(write_calls(tmp_path / str(k), random_calls(str(k), folds=k))) for k in (3, 4)]
    assert main(["compare", *heads]) == 2
    assert "different folds; train both with the same" in capsys.readouterr().err


@pytest.mark.parametrize("given", [["only"], ["only", "absent"]])
def test_too_few_or_absent_heads_are_refused(tmp_path, capsys, given):
    write_calls(tmp_path / "only", random_calls())
    assert main(["compare", *(str(tmp_path / name) for name in given)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.slow
def test_heads_of_two_encoders_predict_as_one(tmp_path, capsys):
    pictures, called = write_pictures(tmp_path / "cells", n_groups=4, per_group=3), {}
    for seed, name in enumerate(("one", "two")):
        encoder = write_encoder(tmp_path / f"encoder-{name}", seed=seed)
        options = ["--encoder", str(encoder), "--views", "1", "--folds", "2"]
        assert main(["train", str(pictures), "--out", str(tmp_path / name), *options]) == 0
    heads = [str(tmp_path / name) for name in ("one", "two")]
    assert main(["ensemble", *heads, "--out", str(tmp_path / "both"), "--json"]) == 0
    assert last_json(capsys)["used_by"] == "predict"
    for name in ("one", "two", "both"):
        out = tmp_path / f"{name}.csv"
        assert main(["predict", str(pictures), "--head", str(tmp_path / name), "--out", str(out)]) == 0
        called[name] = pd.read_csv(out).set_index("file")["p_cancer"]
    pd.testing.assert_series_equal(called["both"], (called["one"] + called["two"]) / 2)
    assert main(["compare", *heads, str(tmp_path / "both"), "--score", "accuracy"]) == 0


@pytest.mark.slow
def test_mixtures_in_the_index_train_and_are_measured(tmp_path, capsys):
    """Fields labelled 1:2, smaller classes weighted, and the training parts resampled."""
    pictures = write_pictures(tmp_path / "cells", n_groups=6, per_group=4)
    index = pd.read_csv(pictures / "index.csv")
    mixed = index["group"].isin(["slide 4", "slide 5"])
    index.loc[mixed, "class"] = "cancer:normal=1:2"
    index.to_csv(pictures / "index.csv", index=False)
    options = ["--encoder", str(write_encoder(tmp_path / "encoder")), "--views", "1", "--folds", "2"]
    options += ["--resample", "over", "--class-weights", "--out", str(tmp_path / "head"), "--json"]
    assert main(["train", str(pictures), *options]) == 0
    metrics = last_json(capsys)
    assert (metrics["n_mixtures"], metrics["n_cancer"], metrics["n_normal"]) == (8, 8, 8)
    assert 0 <= metrics["mixture_rmse"]["embedding"] < 2**0.5
    assert json.loads((tmp_path / "head" / "head.json").read_text())["classes"] == ["cancer", "normal"]
    assert "cancer:normal=1:2" in (tmp_path / "head" / "folds.csv").read_text()
    assert main(["train", str(pictures), *options, "--baselines"]) == 2
    assert "leave the mixtures out" in capsys.readouterr().err
    assert main(["train", str(pictures), *options, "--resample", "luck"]) == 2
    assert "resample" in capsys.readouterr().err


@pytest.mark.slow
def test_heads_of_folds_make_an_ensemble(tmp_path, capsys):
    """Each fold's head comes with the calls of the fold it had not seen, and weighs by what it got right there."""
    pictures, out = write_pictures(tmp_path / "cells", n_groups=6, per_group=4), tmp_path / "head"
    options = ["--encoder", str(write_encoder(tmp_path / "encoder")), "--views", "1", "--folds", "3", "--keep-folds"]
    for _ in range(2):  # a second training takes the place of the first
        assert main(["train", str(pictures), "--out", str(out), *options]) == 0
    folds = sorted((out / "folds").iterdir())
    calls = pd.concat(pd.read_csv(fold / "folds.csv") for fold in folds).sort_values("file")
    pd.testing.assert_frame_equal(
        calls.reset_index(drop=True), pd.read_csv(out / "folds.csv").sort_values("file").reset_index(drop=True)
    )
    one = pd.read_csv(folds[0] / "folds.csv")
    assert main(["predict", str(pictures), "--head", str(folds[0]), "--out", str(tmp_path / "p.csv")]) == 0
    said = pd.read_csv(tmp_path / "p.csv").set_index("file")["p_cancer"][one["file"]]
    assert said.to_numpy() == pytest.approx(one["p_cancer"].to_numpy(), abs=1e-4)
    capsys.readouterr()
    assert main(["ensemble", *map(str, folds), "--out", str(tmp_path / "all"), "--weights", "accuracy", "--json"]) == 0
    metrics = last_json(capsys)
    assert len(metrics["members"]) == 3
    assert metrics["used_by"] == "predict, analyse and the pages"
    assert "learnt from the cells that others were scored on" in metrics["reason"]
