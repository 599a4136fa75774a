"""The commands: train from a recipe, score what came out."""

import json
from functools import partial

import pytest

from cellapp.cli import main
from cellapp.training.segmenter import evaluate
from cellapp.training.segmenter.labelled_image import SIMULATED

pytestmark = pytest.mark.slow

RECIPE = "widths = [4, 8]\nsteps = 3\nbatch = 1\ncrop_px = 32\nn_synthetic = 1\n"


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE)
    return path


def test_train_then_score(data, recipe, tmp_path, capsys, monkeypatch):
    few = partial(evaluate.evaluate_segmenter, n_synthetic=2)  # in place of a dozen large ones
    monkeypatch.setattr(evaluate, "evaluate_segmenter", few)
    out, metrics = tmp_path / "mine", tmp_path / "metrics.json"
    assert main(["train-segmenter", "--recipe", str(recipe), "--data", str(data), "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["steps"] == 3
    assert {path.name for path in out.iterdir()} >= {"weights.safetensors", "config.json", "checkpoint.pt"}
    more = ["--label-free", "1", "--failures", str(tmp_path / "failures")]
    assert main(["score", "segmenter", str(out), "--data", str(data), "--out", str(metrics), *more]) == 0
    kinds = {"stained_or_colour", "synthetic", "synthetic_long", *SIMULATED.values()}
    assert {path.stem for path in (tmp_path / "failures").iterdir()} == kinds
    figures = json.loads(metrics.read_text())
    assert "mine-" in figures["segmenter"]
    assert "AP@0.5" in capsys.readouterr().out


def test_a_bad_recipe_is_an_unusable_argument(data, recipe, tmp_path, capsys):
    recipe.write_text("steps = -1")
    status = main(["train-segmenter", "--recipe", str(recipe), "--data", str(data), "--out", str(tmp_path / "o")])
    assert status == 2
    assert "steps" in capsys.readouterr().err
    assert not (tmp_path / "o").exists()
