"""`embed` and `predict`: one bad picture among good ones is named, and the good ones are written."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from cellapp.cli import main
from tests.paths import shared_case

COMMANDS = [["predict", "--head", "demo-head"], ["embed"]]


@pytest.fixture
def crops(tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "crops" / "more").mkdir(parents=True)
    for name in ("a.png", "b.png", "more/c.png"):
        Image.fromarray(rng.integers(0, 255, (40, 40), np.uint8)).save(tmp_path / "crops" / name)
    return tmp_path / "crops"


def run(command, folder, out, capsys):
    out = out / ("v.npz" if command[0] == "embed" else "p.csv")
    status = main([command[0], str(folder), *command[1:], "--out", str(out), "--json"])
    printed = capsys.readouterr()
    if status:
        return status, None, None, printed.err
    files = np.load(out)["file"].tolist() if command[0] == "embed" else pd.read_csv(out)["file"].tolist()
    return status, files, json.loads(printed.out.splitlines()[-1]), printed.err


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
@pytest.mark.parametrize("bad", ["0.png", "b2.png", "more/z.tif"])
@pytest.mark.parametrize("content", ["cut off", "text", "nothing"])
def test_the_bad_picture_is_named_and_the_good_ones_are_written(crops, tmp_path, capsys, command, bad, content):
    whole = (crops / "a.png").read_bytes()
    (crops / bad).write_bytes({"cut off": whole[: len(whole) // 2], "text": b"a note", "nothing": b""}[content])
    status, files, result, said = run(command, crops, tmp_path, capsys)
    assert (status, files, result["n"]) == (0, ["a.png", "b.png", "more/c.png"], 3)
    (sentence,) = result["left_out"]
    assert sentence.startswith(f"{bad}: ")
    assert f"cellapp: left out: {sentence}\n" in said


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_only_bad_pictures_are_unusable_input(tmp_path, capsys, command):
    (tmp_path / "crops").mkdir()
    (tmp_path / "crops" / "a.png").write_bytes(b"a note")
    status, _, _, said = run(command, tmp_path / "crops", tmp_path, capsys)
    assert (status, said.count("\n")) == (2, 1)
    assert "'a.png'" in said
    assert not {"v.npz", "p.csv"} & {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_the_cut_off_picture_of_the_report_is_left_out(tmp_path, capsys, command):
    shutil.copytree(shared_case("29-one-bad-file") / "crops", tmp_path / "crops")
    status, files, result, _ = run(command, tmp_path / "crops", tmp_path, capsys)
    assert (status, len(files)) == (0, 10)
    assert [sentence.split(":")[0] for sentence in result["left_out"]] == ["zz_cut.png"]
