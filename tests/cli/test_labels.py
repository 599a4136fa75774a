"""`label`: out of a run, a project or a folder and into it, one sentence for what does not fit."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cellapp.cli import main
from cellapp.exports.image_folder import write_analysis
from cellapp.store.cells import load_cells, manual_labels
from cellapp.store.labels import list_labels
from cellapp.store.runs import get_run, run_folder
from tests.exports.toy import SETTINGS, toy_analysis
from tests.pages.seeding import seed_image, seed_run


@pytest.fixture
def run(tmp_path):
    labels = np.zeros((128, 128), np.int32)
    labels[10:40, 10:40], labels[60:90, 20:60], labels[50:80, 80:110] = 1, 2, 3
    return seed_run([replace(seed_image(tmp_path, seed=1, side=128), labels=labels)], unlike=0.053)


@pytest.fixture
def out(tmp_path):
    analysis, slide = toy_analysis(9)
    write_analysis(analysis, slide, tmp_path / "out", settings=SETTINGS)
    return tmp_path / "out"


def write(path, *lines):
    path.write_bytes("\r\n".join(lines).encode("utf-8-sig"))
    return str(path)


def test_a_run_takes_labels_and_its_files_follow(run, tmp_path, capsys):
    table = write(
        tmp_path / "in.csv",
        "image;cell_id;class;who",
        "cells.tif;1;mitotic, late;Ada",
        "cells.tif;2;;",
        "cells.tif;9;a;",
        "cells.tif;1;mitotic, late;Ada",
    )
    assert main(["label", "import", run.id, table, "--json"]) == 0
    printed = capsys.readouterr()
    result = json.loads(printed.out.splitlines()[-1])
    assert (result["n_added"], result["n_known"], len(result["left_out"])) == (1, 1, 2)
    assert "left out: line 3: class is empty" in printed.err
    assert "left out: line 4: 'cells.tif' has no cell 9" in printed.err
    image = run.images[0]
    assert manual_labels(run.id) == {image.image_id: {1: "mitotic, late"}}
    files = pd.read_parquet(run_folder(run.id) / image.stem / "cells.parquet")
    assert files["manual_label"].to_dict() == load_cells(run.id)["manual_label"].to_dict()
    assert get_run(run.id).images[0].summary["n_mitotic, late"] == 1
    assert main(["label", "export", run.project_id, str(tmp_path / "out.csv")]) == 0
    assert capsys.readouterr().out == "1 label of 1 class\n"
    (row,) = pd.read_csv(tmp_path / "out.csv").to_dict("records")
    assert list(row) == ["image", "cell_id", "y", "x", "class", "who", "when", "source"]
    assert (row["image"], row["cell_id"], row["class"], row["who"]) == ("cells.tif", 1, "mitotic, late", "Ada")
    assert main(["label", "import", run.project_id, str(tmp_path / "out.csv")]) == 0
    assert capsys.readouterr().out == "0 added, 1 there before, 0 left out\n"
    assert len(list_labels(run.project_id)) == 1


def test_of_many_lines_without_a_class_few_are_named_and_json_has_all(run, tmp_path, capsys):
    table = write(tmp_path / "in.csv", "image;cell_id;class", "cells.tif;1;a", *["cells.tif;2;"] * 20)
    assert main(["label", "import", run.id, table, "--json"]) == 0
    printed = capsys.readouterr()
    named = [line for line in printed.err.splitlines() if "class is empty" in line]
    assert 0 < len(named) < 20
    assert f"left out: {20 - len(named)} more lines" in printed.err
    assert len(json.loads(printed.out.splitlines()[-1])["left_out"]) == 20


def test_a_folder_takes_labels_and_suggests_the_next(out, tmp_path, capsys):
    table = str(tmp_path / "next.csv")
    assert main(["label", "suggest", str(out), table, "--number", "3"]) == 0
    rows = pd.read_csv(table)
    assert len(rows) == 3
    rows.assign(**{"class": ["a", "b", "a"]}).to_csv(table, index=False)
    assert main(["label", "import", str(out), table]) == 0
    assert "give the image too" in capsys.readouterr().err
    assert main(["label", "export", str(out), str(tmp_path / "out.csv")]) == 0
    assert sorted(pd.read_csv(tmp_path / "out.csv")["class"]) == ["a", "a", "b"]
    for order in ("least-sure", "oddest", "band", "image", "random"):
        assert main(["label", "suggest", str(out), table, "--order", order]) == 0
        again = pd.read_csv(table)
        assert not set(again["cell_id"]) & set(rows["cell_id"])
    assert main(["label", "suggest", str(out), table, "--order", "like", "--like", f"toy:{rows.at[0, 'cell_id']}"]) == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["export", "nowhere", "x.csv"], "no run, no project and no folder"),
        (["import", "OUT", "nowhere.csv"], "cannot read"),
        (["import", "OUT", "EMPTY"], "no label in"),
        (["import", "OUT", "SPELLED"], "spelling alone"),
        (["suggest", "OUT", "x.csv", "--order", "newest"], "no order 'newest'"),
        (["suggest", "OUT", "x.csv", "--order", "least-sure"], "none so far"),
        (["suggest", "OUT", "x.csv", "--order", "like", "--like", "toy:999"], "got 'toy:999'"),
        (["suggest", "OUT", "x.csv", "--order", "band", "--band", "low"], "got 'low'"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(out, tmp_path, capsys, arguments, words, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "empty.csv", "image,cell_id,class", "toy,1,")
    write(tmp_path / "spelled.csv", "image,cell_id,class", "toy,1,A", "toy,2,a")
    names = {"OUT": str(out), "EMPTY": "empty.csv", "SPELLED": "spelled.csv"}
    before = (out / "toy" / "cells.parquet").read_bytes()
    assert main(["label", *(names.get(one, one) for one in arguments)]) == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert words in last
    assert (out / "toy" / "cells.parquet").read_bytes() == before
    assert not (tmp_path / "x.csv").exists()
