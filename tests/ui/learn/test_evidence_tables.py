"""Tables show the figures they are given, and the positive class beside each that is about it."""

import pytest

from cellapp.evaluation.evidence import evidence
from cellapp.evaluation.scores import POSITIVE_SCORES, SCORE_TITLES
from cellapp.ui.learn.evidence_tables import class_table, coverage_table, groups_table, score_table
from tests.evaluation.calls import random_calls


@pytest.fixture(scope="module")
def figures():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cellapp.evaluation.intervals.RESAMPLES", 10)
        return evidence(random_calls(skill=2), error_rate=0.1)


def test_every_score_is_there_with_its_class_and_interval(figures):
    table = score_table(figures, "cancer").set_index("Score")
    assert len(table) == len(figures["scores"])
    for name in figures["scores"]:
        assert table.loc[SCORE_TITLES[name], "Of"] == ("cancer" if name in POSITIVE_SCORES else "all classes")
    low, high = figures["intervals"]["accuracy"].values()
    assert table.loc["Accuracy", "Value"] == f"{100 * figures['scores']['accuracy']:.1f} %"
    assert table.loc["Accuracy", "95 % interval"] == f"{100 * low:.0f} to {100 * high:.0f} %"
    assert table.loc["Area under the ROC curve", "Value"] == f"{figures['scores']['auc']:.3f}"


def test_what_is_not_defined_is_said_to_be_none(figures):
    scores = dict.fromkeys(figures["scores"])
    table = score_table({"scores": scores, "intervals": dict.fromkeys(scores, {"low": None, "high": None})}, "cancer")
    assert set(table["Value"]) == set(table["95 % interval"]) == {"none"}


def test_classes_groups_and_coverage_have_a_row_each(figures):
    classes = class_table(figures["per_class"], "cancer", "cell lines")
    assert classes["Class"].tolist() == ["cancer (positive)", "normal"]
    assert classes["Cell lines"].tolist() == [12, 12]
    assert classes["Recall"][0].startswith(f"{100 * figures['per_class'][0]['recall']:.0f} % (")
    groups = groups_table(figures["per_group"], "cancer", "slide")
    assert groups["Slide"].tolist() == [row["group"] for row in figures["per_group"]]
    assert groups["cancer found"].tolist() == [f"{100 * row['recall']:.0f} %" for row in figures["per_group"]]
    covered = coverage_table(figures["conformal_rates"])
    assert covered["Error rate promised"].tolist() == ["at most 1 %", "at most 5 %", "at most 10 %", "at most 20 %"]
    assert covered["True class held"].tolist() == [
        f"{100 * row['reached']:.1f} %" for row in figures["conformal_rates"]
    ]
