"""Reported cases that have to be refused, or told of, in words, by command line and by API."""

import json
import shutil

import pytest

from tests.cases.told import OPTIONS, client, command, post
from tests.paths import shared_case


def test_case_09_a_lone_member_names_the_file_that_is_missing(tmp_path):
    """Siblings are drawn in tests/images/formats/test_ome_set.py."""
    path = shared_case("09-ome-multifile") / "lone" / "cells_c0.ome.tif"
    status, _, said = command("analyse", path, "--out", tmp_path / "out", *OPTIONS)
    assert status == 2
    assert "'cells_c1.ome.tif'" in said
    with client(tmp_path / "home") as given:
        answer = post(given, path)
    assert answer.status_code == 422
    assert "'cells_c1.ome.tif'" in answer.json()["error"]


def test_case_23_a_damaged_label_image_is_one_sentence():
    """Siblings are drawn in tests/cli/test_score.py; the API scores nothing."""
    folder = shared_case("23-score-damaged") / "tif"
    status, lines, said = command("score", "segmentation", folder / "pred", folder / "truth")
    assert (status, lines, said.count("\n")) == (2, [], 1)
    assert "'a.tif' is damaged" in said


@pytest.mark.parametrize("kind", ["float", "neg"])
def test_case_19_whole_floats_and_negatives_as_background_are_read(kind):
    """Siblings are drawn in tests/segmentation/test_metrics_files.py."""
    folder = shared_case("19-score-labels") / kind
    status, lines, said = command("score", "segmentation", folder / "pred", folder / "truth", "--json")
    assert status == 0, said
    assert json.loads(lines[-1])["mean"]["ap50"] == 1


def test_case_29_one_bad_picture_is_named_and_the_good_ones_are_done(tmp_path):
    """`embed` and `predict` are tried in tests/cli/test_crops.py, where siblings are drawn, too."""
    folder = tmp_path / "crops"
    shutil.copytree(shared_case("29-one-bad-file") / "crops", folder)
    status, lines, said = command("analyse", folder, "--out", tmp_path / "out", "--json", *OPTIONS)
    told = json.loads(lines[-1])
    assert status == 1
    assert len(told["images"]) == 10
    assert list(told["failed"]) == ["zz_cut"]
    assert "zz_cut" in said
    with client(tmp_path / "home") as given:
        answers = {path.name: post(given, path) for path in sorted(folder.iterdir())}
        bad = answers.pop("zz_cut.png")
        assert bad.status_code == 422
        assert "'zz_cut.png'" in bad.json()["error"]
        assert {answer.status_code for answer in answers.values()} == {201}
        assert len(given.get("/images").json()) == 10
