"""train, predict and analyse through the command line: one head, the same calls everywhere."""

import json
import zipfile

import numpy as np
import pandas as pd
import pytest

from cellapp.cli import main
from tests.encoders.tiny import write_encoder
from tests.paths import shared_case
from tests.training.pictures import write_pictures

pytestmark = pytest.mark.slow


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
        (["--mode", "teach"], "recipe of a head, mode: Input should be 'probe' or 'finetune'; got 'teach'"),
        (["--epochs", "3"], "--blocks and --epochs are of fine-tuning"),
        (["--mode", "finetune", "--features", "both"], "'finetune' learns from pixels alone"),
        (["--mode", "finetune", "--keep-folds"], "'finetune' keeps no encoder of each fold"),
        (["--features", "colour"], "recipe of a head, features"),
        (["--group-column", "patient"], "no column 'patient'"),
        (["--recipe", "nowhere.toml"], "cannot read the recipe"),
        (["--encoder", "no-such"], "no encoder 'no-such'"),
    ],
)
def test_arguments_that_cannot_be_used_are_said_in_one_line(tmp_path, capsys, options, words):
    folder = write_pictures(tmp_path / "cells", n_groups=2, per_group=1)
    status = main(["train", str(folder), "--out", str(tmp_path / "out"), *options])
    error = capsys.readouterr().err.strip()
    assert status == 2
    assert words in error
    assert "\n" not in error
    assert not (tmp_path / "out").exists()


def assert_too_few(folder, out, encoder, capsys):
    assert main(["train", str(folder), "--out", str(out), "--encoder", str(encoder), "--views", "1"]) == 2
    (sentence,) = capsys.readouterr().err.splitlines()
    assert "at least 2 cells of each class" in sentence
    assert "has 1: label more" in sentence
    assert not out.parent.exists()


@pytest.mark.parametrize("counts", [(1, 1), (1, 5), (5, 1), (3, 1, 2)])
def test_one_cell_of_a_class_is_too_few_and_leaves_nothing_behind(tmp_path, capsys, counts):
    classes = ("cancer", "normal", "other")[: len(counts)]
    folder = write_pictures(tmp_path / "cells", n_groups=len(counts), per_group=5, index=None, classes=classes)
    for code, n in enumerate(counts):
        for picture in sorted((folder / classes[code]).iterdir())[n:]:
            picture.unlink()
    assert_too_few(folder, tmp_path / "heads" / "mine", write_encoder(tmp_path / "encoder"), capsys)


def test_pictures_that_cannot_be_read_do_not_count(tmp_path, capsys):
    folder = write_pictures(tmp_path / "cells", n_groups=2, per_group=2, index=None)
    (folder / "normal" / "01_0.tif").write_bytes(b"no picture")
    assert_too_few(folder, tmp_path / "heads" / "mine", write_encoder(tmp_path / "encoder"), capsys)


def test_the_two_cells_of_the_report_are_too_few(tmp_path, capsys):
    folder = shared_case("16-class-counts") / "two_cells"
    assert_too_few(folder, tmp_path / "heads" / "mine", write_encoder(tmp_path / "encoder"), capsys)


@pytest.mark.parametrize("alike", [False, True])
def test_two_cells_of_each_class_make_a_head_that_is_not_validated(tmp_path, capsys, alike):
    folder = write_pictures(tmp_path / "cells", n_groups=2, per_group=2)
    if alike:
        for name in ("cancer/00", "normal/01"):
            (folder / f"{name}_1.tif").write_bytes((folder / f"{name}_0.tif").read_bytes())
    out, encoder = tmp_path / "heads" / "mine", write_encoder(tmp_path / "encoder")
    assert main(["train", str(folder), "--out", str(out), "--encoder", str(encoder), "--views", "1"]) == 0
    assert "not validated" in capsys.readouterr().err
    assert main(["predict", str(folder), "--head", str(out), "--out", str(tmp_path / "p.csv")]) == 0
    table = pd.read_csv(tmp_path / "p.csv")
    np.testing.assert_allclose(table["p_cancer"] + table["p_normal"], 1)


@pytest.mark.parametrize("classes", [("her2_neg", "her2_pos"), ("grade", "grade_low"), ("negative", "positive")])
def test_class_names_with_underscores_keep_their_columns_from_training_to_the_summary(tmp_path, capsys, demo, classes):
    folder = write_pictures(tmp_path / "cells", n_groups=4, per_group=3, classes=classes)
    out, encoder = tmp_path / "mine", write_encoder(tmp_path / "encoder")
    assert main(["train", str(folder), "--out", str(out), "--encoder", str(encoder), "--views", "1"]) == 0
    run = ["analyse", str(demo.slide), "--segmenter", "classical", "--head", str(out), "--out", str(tmp_path / "run")]
    capsys.readouterr()
    assert main(run) == 0
    line = capsys.readouterr().out.splitlines()[0]
    row = pd.read_csv(tmp_path / "run" / "summary.csv").iloc[0]
    cells = pd.read_csv(tmp_path / "run" / "demo" / "cells.csv")
    called = cells[cells["qc_pass"] & ~cells["unsure"]]["label"]
    for name in classes:
        assert f", {row[f'n_{name}']:,} {name}" in line
        assert row[f"n_{name}"] == (called == name).sum()
        assert row[f"fraction_{name}"] == pytest.approx((called == name).mean())
    assert [name for name in cells.columns if name.startswith("p_")] == [f"p_{name}" for name in classes]


def test_the_class_names_of_the_report_train_and_predict(tmp_path, capsys):
    folder = shared_case("18-class-names") / "under"
    out, encoder = tmp_path / "mine", write_encoder(tmp_path / "encoder")
    assert main(["train", str(folder), "--out", str(out), "--encoder", str(encoder), "--views", "1"]) == 0
    assert main(["predict", str(folder), "--head", str(out), "--out", str(tmp_path / "p.csv")]) == 0
    assert {"p_her2_neg", "p_her2_pos"} <= set(pd.read_csv(tmp_path / "p.csv").columns)
    printed = capsys.readouterr().out
    assert "her2_" in printed
