"""Folders of labelled pictures from reported cases: trained on and called on the command line.

The API takes images and runs; it trains nothing. Siblings are drawn where each test says.
"""

import json

import pytest

from tests.cases.told import command
from tests.encoders.tiny import write_encoder
from tests.paths import shared_case

pytestmark = pytest.mark.slow

# case: cells, classes, the column of groups
LABELLED = {
    "13-appledouble/unzipped": (24, ["cancer", "normal"], None),  # siblings: tests/test_litter.py
    "14-ipynb-checkpoints/labelled": (24, ["cancer", "normal"], None),  # siblings: tests/test_litter.py
    "15-index-csv/semicolon": (24, ["cancer", "normal"], "group"),  # siblings: tests/training/test_labelled_crops.py
    "15-index-csv/value_space": (24, ["cancer", "normal"], "group"),
    "18-class-names/under": (20, ["her2_neg", "her2_pos"], "group"),  # siblings: tests/cli/test_train.py
}


def train(folder, tmp_path, *options):
    encoder = write_encoder(tmp_path / "encoder")
    words = ["train", folder, "--out", tmp_path / "mine", "--encoder", encoder, "--views", "1", "--json", *options]
    return command(*words)


@pytest.mark.parametrize("case", LABELLED)
def test_each_class_is_trained_once_and_by_its_name(tmp_path, case):
    n_cells, classes, column = LABELLED[case]
    folder = shared_case(case)
    status, lines, said = train(folder, tmp_path, *(["--group-column", column] if column else []))
    assert status == 0, said
    told = json.loads(lines[-1])
    assert told["n"] == n_cells
    assert sorted(name[2:] for name in told if name.startswith("n_") and name[2:] not in ("groups", "folds")) == classes
    out = tmp_path / "calls.csv"
    status, lines, said = command("predict", folder, "--head", tmp_path / "mine", "--out", out)
    assert status == 0, said
    header = out.read_text().splitlines()[0].split(",")
    assert [name for name in header if name.startswith("p_")] == [f"p_{name}" for name in classes]
    assert len(out.read_text().splitlines()) == n_cells + 1


def test_case_16_one_cell_of_each_class_is_one_sentence_and_no_head(tmp_path):
    """Siblings are drawn in tests/cli/test_train.py."""
    status, _, said = train(shared_case("16-class-counts") / "two_cells", tmp_path)
    assert status == 2
    assert "at least 2 cells of each class" in said.splitlines()[-1]
    assert not (tmp_path / "mine").exists()


def test_case_13_pictures_of_a_mac_are_called_without_their_shadows(tmp_path):
    """Siblings are drawn in tests/test_litter.py."""
    out = tmp_path / "calls.csv"
    status, _, said = command("predict", shared_case("13-appledouble") / "crops", "--head", "demo-head", "--out", out)
    assert status == 0, said
    assert len(out.read_text().splitlines()) == 9
