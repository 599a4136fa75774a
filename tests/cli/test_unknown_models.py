"""What is given as a model and is none is unusable input: exit status 2 and one sentence, in every command."""

import re

import numpy as np
import pytest
from skimage.io import imsave

from cellapp.cli import main
from cellapp.models.registry import MODELS

OF_NO_MODEL = ("nosuch", "EMPTY", "FILES", "TABLE")


@pytest.fixture
def places(tmp_path):
    """A folder of crops, and by name what is no model: a name, an empty folder, one whose files cannot be read."""
    (tmp_path / "crops").mkdir()
    imsave(tmp_path / "crops" / "a.png", np.full((32, 32), 90, np.uint8), check_contrast=False)
    for name in ("head.json", "head.safetensors"):  # a folder in place of a file cannot be read, not even by root
        (tmp_path / "files" / name).mkdir(parents=True)
    (tmp_path / "empty").mkdir()
    (tmp_path / "table").write_text("file,class\n")
    return tmp_path


@pytest.mark.parametrize("model", OF_NO_MODEL)
@pytest.mark.parametrize(
    "command",
    [
        ["predict", "CROPS", "--out", "OUT.csv", "--head"],
        ["embed", "CROPS", "--out", "OUT.npz", "--encoder"],
        ["compare"],
        ["ensemble", "--out", "OUT"],
    ],
)
def test_no_command_takes_what_is_no_model(places, capsys, command, model):
    words = {word: word.lower() for word in ("CROPS", "OUT", "OUT.csv", "OUT.npz", "EMPTY", "FILES", "TABLE")}
    arguments = [str(places / words[word]) if word in words else word for word in (*command, model)]
    assert main(arguments) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith("cellapp: ")
    assert "\n" not in said
    assert not (places / "out").exists()


KINDS = {"segmenter": "compact", "encoder": "cell-vit", "head": "demo-head"}


@pytest.mark.parametrize(
    ("kind", "command"),
    [
        ("segmenter", ["analyse", "CROPS", "--out", "OUT", "--segmenter"]),
        ("segmenter", ["segment", "CROPS", "--out", "OUT", "--segmenter"]),
        ("head", ["analyse", "CROPS", "--out", "OUT", "--head"]),
        ("encoder", ["analyse", "CROPS", "--out", "OUT", "--encoder"]),
        ("encoder", ["embed", "CROPS", "--out", "OUT", "--encoder"]),
        ("encoder", ["pretrain", "CROPS", "--out", "OUT", "--encoder"]),
        ("encoder", ["discover", "CROPS", "--out", "OUT", "--encoder"]),
        ("head", ["predict", "CROPS", "--out", "OUT", "--head"]),
        ("head", ["score", "explanation", "CROPS", "--head"]),
        ("segmenter", ["score", "reliability", "--data", "CROPS"]),
    ],
)
@pytest.mark.parametrize("by", ["name", "path"])
def test_no_command_takes_a_model_of_another_kind(places, capsys, kind, command, by):
    words = {"CROPS": places / "crops", "OUT": places / "out"}
    for other, name in KINDS.items():
        if other != kind:
            model = name if by == "name" else str(MODELS / name)
            assert main([str(words.get(word, word)) for word in (*command, model)]) == 2, model
            said = capsys.readouterr().err.strip().splitlines()[-1]
            assert re.search(f"'{re.escape(model)}' is an? {other} and no {kind}; choose one of: ", said)


def test_models_that_are_not_declared_are_neither_shown_nor_fetched(capsys):
    for command in ("show", "fetch"):
        assert main(["models", command, "nosuch"]) == 2
        assert "choose one of" in capsys.readouterr().err
