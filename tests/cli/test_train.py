"""train, predict and analyse through the command line: one head, the same calls everywhere."""

import json
import zipfile

import numpy as np
import pandas as pd
import pytest

from cellapp.cli import main
from tests.encoders.tiny import write_encoder
from tests.training.pictures import write_pictures


def last_json(capsys):
    return json.loads(capsys.readouterr().out.strip().splitlines()[-1])


@pytest.fixture(scope="module")
def labelled(demo, tmp_path_factory):
    """Crops that `analyse` exported, labelled by its demonstration head, in eight groups by place."""
    folder = tmp_path_factory.mktemp("labelled")
    assert main(["analyse", str(demo.slide), "--segmenter", "classical", "--out", str(folder / "run")]) == 0
    with zipfile.ZipFile(folder / "run" / "demo" / "crops.zip") as bundle:
        bundle.extractall(folder)
    cells = pd.read_csv(folder / "run" / "demo" / "cells.csv").query("qc_pass")
    index = pd.DataFrame({"file": [f"raw/{cell_id}.tif" for cell_id in cells["cell_id"]], "class": cells["label"]})
    index.assign(place=np.arange(len(cells)) % 8).to_csv(folder / "index.csv", index=False)
    return folder


@pytest.mark.parametrize("features", ["embedding", "both"])
def test_files_and_slides_give_the_same_calls(labelled, demo, tmp_path, capsys, features):
    encoder, head = write_encoder(tmp_path / "encoder"), tmp_path / "my-head"
    options = ["--group-column", "place", "--encoder", str(encoder), "--features", features, "--positive", "normal"]
    assert main(["train", str(labelled), "--out", str(head), "--folds", "3", *options, "--json"]) == 0
    assert last_json(capsys)["grouped_by"] == "place"
    assert main(["predict", str(labelled / "raw"), "--head", str(head), "--out", str(tmp_path / "p.csv")]) == 0
    run = ["analyse", str(demo.slide), "--segmenter", "classical", "--head", str(head), "--explain", "2"]
    assert main([*run, "--out", str(tmp_path / "run")]) == 0

    cells = pd.read_csv(tmp_path / "run" / "demo" / "cells.csv").query("qc_pass").set_index("cell_id")
    said = pd.read_csv(tmp_path / "p.csv")
    said.index = said["file"].str.removesuffix(".tif").astype(int)
    said = said.loc[cells.index]
    np.testing.assert_allclose(said["p_cancer"], cells["p_cancer"], atol=1e-4)
    assert said["label"].tolist() == cells["label"].tolist()
    assert said["unlike_training"].tolist() == cells["unlike_training"].tolist()
    assert [name for name in cells.columns if name.startswith("p_")] == ["p_normal", "p_cancer"]


def test_what_could_flatter_is_said_on_stderr(tmp_path, capsys):
    folder = write_pictures(tmp_path / "cells", index=None)
    (folder / "cancer" / "00_1.tif").write_bytes(b"no picture")
    options = ["--encoder", str(write_encoder(tmp_path / "encoder")), "--views", "1"]
    assert main(["train", str(folder), "--out", str(tmp_path / "out"), *options]) == 0
    printed = capsys.readouterr()
    assert "folds were split by file" in printed.err
    assert "left out: cancer/00_1.tif" in printed.err
    assert "23 cells" in printed.out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--mode", "finetune"], "--mode finetune is not in this version"),
        (["--features", "colour"], "recipe of a head, features"),
        (["--group-column", "patient"], "no column 'patient'"),
        (["--recipe", "nowhere.toml"], "cannot read the recipe"),
        (["--encoder", "no-such"], "no model 'no-such'"),
    ],
)
def test_arguments_that_cannot_be_used_are_said_in_one_line(tmp_path, capsys, options, words):
    folder = write_pictures(tmp_path / "cells", n_groups=2, per_group=1)
    status = main(["train", str(folder), "--out", str(tmp_path / "out"), *options])
    error = capsys.readouterr().err.strip()
    assert status == (1 if "no-such" in options else 2)
    assert words in error
    assert "\n" not in error
    assert not (tmp_path / "out").exists()
