"""What folders of earlier versions say of their cells is counted from what is in them."""

import json
from dataclasses import replace

import pytest

from cellapp.cells.answer import Fitness
from cellapp.errors import InputError
from cellapp.exports.apply_labels import summary_rows
from cellapp.exports.image_folder import write_analysis
from cellapp.exports.stored_summary import stored_answer, stored_summary
from tests.exports.toy import SETTINGS, toy_analysis

NEW = ("n_classified", "n_unlike_training", "share_unlike_training", "answer", "answer_reason")


def forget(folder):
    """Make run.json what version 0.1.0 wrote."""
    run = json.loads((folder / "run.json").read_text())
    for name in ("answer", "answer_reason", "demonstration"):
        run.pop(name, None)
    run["summary"] = {name: value for name, value in run["summary"].items() if name not in NEW}
    (folder / "run.json").write_text(json.dumps(run))


@pytest.mark.parametrize("head", ["demo-head", "/a/head/of/ours"])
@pytest.mark.parametrize("n", [0, 1, 9])
def test_an_older_folder_gives_the_row_of_a_new_one(tmp_path, n, head):
    analysis, slide = toy_analysis(n)
    analysis = replace(analysis, provenance={**analysis.provenance, "head": f"{head}@1"})
    settings = SETTINGS.model_copy(update={"classify": SETTINGS.classify.model_copy(update={"head": head})})
    row = write_analysis(analysis, slide, tmp_path, settings=settings, seconds=1.5)
    assert stored_summary(tmp_path / "toy") == row
    answer = stored_answer(tmp_path / "toy", [row])
    forget(tmp_path / "toy")
    assert stored_summary(tmp_path / "toy") == row == summary_rows(tmp_path)[0]
    assert list(stored_summary(tmp_path / "toy")) == list(row)
    assert stored_answer(tmp_path / "toy", [row]) == answer
    assert answer.fitness == (Fitness.NONE if not n else "unfit" if head == "demo-head" else "fit")


def test_what_is_no_folder_of_ours_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"run\.json"):
        stored_summary(tmp_path)
