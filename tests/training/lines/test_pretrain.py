"""An encoder learns on from the patches of sequences, lines unseen, and `lines train` takes it."""

import json

import numpy as np
import pytest

from cellapp.cli import main
from cellapp.pipeline.time_series import PLAIN_NAMES
from cellapp.training.encoder.run import PretrainOptions, run
from cellapp.training.lines.pretrain import patches_of
from tests.training.encoder.toys import TINY, toy_cells
from tests.training.lines.series import write_series

SERIES = {"lines": ("fine", "coarse"), "places": 1, "times": 2, "side": 96}


def test_patches_are_of_images_and_of_no_label(tmp_path):
    write_series(tmp_path, batches=1, **SERIES)
    crops = patches_of(tmp_path, 40, PLAIN_NAMES, lambda step, part: None)
    assert crops.pixels.shape[1:] == (4, 40, 40)
    assert not (crops.labels != "").any()
    assert len(np.unique(crops.groups)) == 4
    np.testing.assert_array_equal(crops.pixels[:, 0], crops.pixels[:, 2])
    assert (crops.pixels[:, 3] == 255).all()


@pytest.mark.slow
def test_a_pretrained_encoder_is_what_lines_are_learned_by(tmp_path, capsys, monkeypatch):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(TINY.toml)
    monkeypatch.setattr("cellapp.training.encoder.run.read_crops", lambda *_, **__: toy_cells())
    run(tmp_path, tmp_path / "first", PretrainOptions(recipe=recipe))
    write_series(tmp_path / "series", batches=2, **SERIES)
    asked = ["lines", "pretrain", str(tmp_path / "series"), "--encoder", str(tmp_path / "first"), "--steps", "3"]
    assert main([*asked, "--recipe", str(recipe), "--out", str(tmp_path / "own"), "--json"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (result["step"], result["n"]) == (3, 8)
    learned = (tmp_path / "own" / "model.safetensors").read_bytes()
    assert learned != (tmp_path / "first" / "model.safetensors").read_bytes()
    train = ["lines", "train", str(tmp_path / "series"), "--encoder", str(tmp_path / "own"), "--epochs", "5"]
    assert main([*train, "--out", str(tmp_path / "net"), "--json"]) == 0
    metrics = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert metrics["encoder"] == result["encoder"]
