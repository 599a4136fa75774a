"""`rescore` gives a folder of `analyse` the classes of another head, as if that had analysed it."""

import json

import numpy as np
import pytest
import tifffile

from cellapp.classification.head_io import save_head
from cellapp.cli import main
from cellapp.exports.run_json import read_run
from cellapp.images.read import file_digest
from tests.classification.heads import random_head
from tests.pipeline.test_rescore import content, write_image


@pytest.fixture
def folder(tmp_path):
    """A folder of two images, and the folders of two heads that read its vectors."""
    heads = [
        save_head(random_head(seed=seed, name=str(tmp_path / name)), tmp_path / name)
        for seed, name in ((1, "one"), (2, "two"))
    ]
    for name, n in (("some", 9), ("none", 0)):
        write_image(tmp_path / "out", name, n, heads[0], seed=n)
    return tmp_path / "out", *heads


def test_tables_follow_and_the_line_says_what_was_not_drawn(folder, capsys):
    out, one, two = folder
    before = content(out / "some")
    assert main(["rescore", str(out), "--head", two.name, "--threshold", "0.4", "--json"]) == 0
    said = capsys.readouterr()
    result = json.loads(said.out.splitlines()[-1])
    assert (result["head"], result["not_drawn"]) == (two.identity, ["none", "some"])
    assert "overlay.png and crops.zip of none, some show other classes; --image INPUT" in said.err
    assert [row["image"] for row in result["images"]] == ["none", "some"]
    tree = read_run(out / "some" / "run.json")
    assert tree["settings"]["classify"] | {"threshold": 0.4} == tree["settings"]["classify"]
    assert (out / "some" / "cells.csv").read_bytes() != before["cells.csv"]
    assert (out / "summary.csv").read_text().startswith("image,")
    main(["rescore", str(out), "--head", one.name, "--threshold", "0.5"])
    after = content(out / "some")
    assert {name for name in before if before[name] != after[name]} <= {"run.json"}


def test_pictures_are_drawn_where_the_image_is_given(folder, tmp_path, capsys):
    out, _, two = folder
    labels, image = tifffile.imread(out / "some" / "labels.tif"), tmp_path / "image.tif"
    tifffile.imwrite(image, np.stack([labels, labels]).astype("uint16"), photometric="minisblack")
    tree = json.loads((out / "some" / "run.json").read_text())
    tree["image"]["sha256"] = file_digest(image)
    (out / "some" / "run.json").write_text(json.dumps(tree))
    before = content(out / "some")
    assert main(["rescore", str(out), "--head", two.name, "--image", str(image), "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["not_drawn"] == ["none"], "its image was not given"
    after = content(out / "some")
    assert after["overlay.png"] != before["overlay.png"]
    assert after["crops.zip"] != before["crops.zip"]
    assert main(["rescore", str(out), "--head", two.name, "--json"]) == 0
    assert content(out / "some")["crops.zip"] == after["crops.zip"]


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["nowhere", "--head", "demo-head"], 2, "no analysed image in"),
        (["out", "--head", "nothing"], 2, "nothing"),
        (["out", "--head", "demo-head"], 1, "reads vectors with encoder cell-vit"),
        (["out", "--head", "one", "--threshold", "2"], 2, "threshold"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(folder, monkeypatch, capsys, arguments, status, words):
    monkeypatch.chdir(folder[0].parent)
    assert main(["rescore", *arguments]) == status
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1
