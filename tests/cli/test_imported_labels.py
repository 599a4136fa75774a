"""`analyse --labels`: the cells are those of the files, with their ids, and nothing is segmented."""

import json

import numpy as np
import pandas as pd
import pytest
import tifffile

from cellapp.cli import main
from cellapp.segmentation.label_image import read_labels


@pytest.fixture(scope="module")
def slide(demo):
    return demo.slide


@pytest.fixture(scope="module")
def truth(demo, tmp_path_factory):
    """True cells under ids with gaps, in a file called like the slide."""
    labels = read_labels(demo.slide.parent / "truth_labels.tif")
    path = tmp_path_factory.mktemp("labels") / f"{demo.slide.name.partition('.')[0]}_masks.tif"
    tifffile.imwrite(path, np.where(labels > 0, labels * 3 + 40, 0).astype(np.uint16))
    return path


def analysed(slide, out, *more):
    assert main(["analyse", str(slide), "--out", str(out), "--head", "none", *map(str, more)]) == 0
    (folder,) = (path.parent for path in out.glob("*/run.json"))
    return folder


def test_every_export_of_labels_comes_back_the_same(slide, truth, tmp_path):
    first = analysed(slide, tmp_path / "first", "--labels", truth)
    labels, cells = read_labels(first / "labels.tif"), pd.read_parquet(first / "cells.parquet")
    assert (labels == read_labels(truth)).all()
    assert list(cells.index) == sorted(set(labels[labels > 0].tolist()))
    for name in ("labels.tif", "outlines.geojson"):
        again = analysed(slide, tmp_path / name, "--labels", first / name)
        assert (read_labels(again / "labels.tif") == labels).all()
        pd.testing.assert_frame_equal(pd.read_parquet(again / "cells.parquet"), cells)


def test_it_is_said_whose_labels_they_are_and_others_are_taken_anew(slide, truth, tmp_path):
    folder = analysed(slide, tmp_path / "out", "--labels", truth)
    run = json.loads((folder / "run.json").read_text())
    assert run["segmenter"] == run["labels_by"] == f"imported@{run['input']['labels_sha256']}"
    assert run["weights_sha256"] == {}
    before = (folder / "labels.tif").stat().st_mtime_ns
    analysed(slide, tmp_path / "out", "--labels", truth, "--resume")
    assert (folder / "labels.tif").stat().st_mtime_ns == before
    fewer, last = tmp_path / "fewer.tif", int(read_labels(truth).max())
    tifffile.imwrite(fewer, np.where(read_labels(truth) == last, last, 0).astype(np.uint16))
    analysed(slide, tmp_path / "out", "--labels", fewer, "--resume")
    assert set(np.unique(read_labels(folder / "labels.tif"))) == {0, last}


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--segmenter", "classical"], "nothing is segmented"),
        (["--settings", "run.json"], "came from files"),
    ],
)
def test_what_contradicts_is_refused(more, says, slide, truth, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run.json").write_text('{"segment": {"segmenter": "imported"}}')
    labels = [] if "--settings" in more else ["--labels", str(truth)]
    assert main(["analyse", str(slide), "--out", "out", "--head", "none", *labels, *more]) == 2
    assert says in capsys.readouterr().err


def test_labels_of_another_size_fail_their_image_only(slide, tmp_path, capsys):
    tifffile.imwrite(tmp_path / "x.tif", np.ones((4, 4), np.uint8))
    assert main(["analyse", str(slide), "--out", str(tmp_path / "out"), "--labels", str(tmp_path / "x.tif")]) == 2
    assert "size of their image" in capsys.readouterr().err
