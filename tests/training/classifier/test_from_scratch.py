"""A convolutional network without its weights is learnt from scratch, and says so; with them it is fine-tuned."""

import json

import pandas as pd
import pytest

from cellapp.cli import main
from cellapp.models import registry as registry_module
from cellapp.models.checksums import LockedModel, sha256, write_lock
from cellapp.models.registry import ModelEntry
from cellapp.training.classifier.from_scratch import from_scratch
from cellapp.training.classifier.recipe import FineTuning, HeadRecipe
from tests.encoders.tiny import write_convolutional
from tests.training.pictures import write_pictures

pytestmark = pytest.mark.slow

FILES = {"config.json": "", "model.safetensors": ""}
TINY = ModelEntry(
    *("tiny-cnn", "encoder", "timm", "hub", "none", "tests", "nothing"),
    repo="timm/test_resnet.r160_in1k",
    files=FILES,
    input_px=64,
    from_scratch=True,
)
RECIPE = HeadRecipe(mode="finetune", encoder="tiny-cnn", finetune=FineTuning(blocks=1))


@pytest.fixture(autouse=True)
def declared(home, monkeypatch):
    monkeypatch.setattr("cellapp.evaluation.intervals.RESAMPLES", 20)
    monkeypatch.setattr(registry_module, "registry", lambda: {"tiny-cnn": TINY})


def bring_weights():
    folder = write_convolutional(TINY.folder)
    write_lock("tiny-cnn", LockedModel("0" * 40, {name: sha256(folder / name) for name in FILES}))


def test_all_of_it_learns_and_the_metrics_and_the_command_say_so(tmp_path, capsys):
    pictures = write_pictures(tmp_path / "cells", n_groups=8, per_group=3)
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('[finetune]\nencoder_rate = 1e-3\nbatch = 8\nstop_by = "never"\n')
    options = ["--recipe", str(recipe), "--encoder", "tiny-cnn", "--mode", "finetune", "--epochs", "4"]
    out = tmp_path / "mine"
    assert main(["train", str(pictures), "--out", str(out), *options, "--views", "1", "--folds", "2"]) == 0
    assert "learnt from scratch" in capsys.readouterr().err
    metrics = json.loads((out / "metrics.json").read_text())
    assert "models fetch tiny-cnn" in metrics["from_scratch"]
    assert metrics["fine_tuning"]["from"] == "untrained tiny-cnn@seed 0"
    losses = [
        point["training_loss"]
        for fit in json.loads((out / "epochs.json").read_text())["fits"]
        for point in fit["points"]
    ]
    assert losses[4] < losses[1]
    calls = tmp_path / "calls.csv"
    assert main(["predict", str(pictures), "--head", str(out), "--out", str(calls)]) == 0
    assert len(pd.read_csv(calls)) == 24


def test_the_seed_decides_the_weights_and_all_parts_learn():
    (recipe, first, _), (_, again, _) = from_scratch(RECIPE), from_scratch(RECIPE)
    other = from_scratch(RECIPE.model_copy(update={"seed": 1}))[1]
    stems = [encoder.network.backbone.conv1[0].weight for encoder in (first, again, other)]
    assert stems[0].equal(stems[1])
    assert not stems[0].equal(stems[2])
    assert len(first.tail(recipe.finetune.blocks)) == len(first.tail(10_000)) > 1


def test_a_probe_is_never_of_random_vectors_and_weights_that_are_here_are_taken():
    assert from_scratch(RECIPE.model_copy(update={"mode": "probe"})) is None
    bring_weights()
    assert from_scratch(RECIPE) is None
