"""Figures of classes and groups are those of scikit-learn, and their intervals hold them."""

import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_score, recall_score

from cellapp.evaluation.breakdown import OF_CLASS, class_figures, group_figures
from tests.evaluation.calls import random_calls

pytestmark = pytest.mark.usefixtures("few_resamples")


@pytest.mark.parametrize("classes", [("cancer", "normal"), ("a", "b", "c")])
def test_figures_of_each_class_are_those_of_scikit_learn(classes):
    calls = random_calls(classes=classes, skill=1)
    called = calls.probabilities.argmax(axis=1)
    rows = class_figures(calls)
    assert [row["class"] for row in rows] == list(classes)
    for k, row in enumerate(rows):
        truth, said = calls.codes == k, called == k
        expected = [precision_score(truth, said), recall_score(truth, said), recall_score(~truth, ~said)]
        expected.append(f1_score(truth, said))
        assert [row[name] for name in OF_CLASS] == pytest.approx(expected, abs=1e-4)
        for name in OF_CLASS:
            assert row["intervals"][name]["low"] <= row[name] <= row["intervals"][name]["high"]


def test_a_class_that_is_never_called_has_no_precision():
    calls = random_calls(skill=1)
    calls.probabilities[:] = [0.9, 0.1]
    row = class_figures(calls)[1]
    assert row["precision"] is None
    assert row["recall"] == 0
    assert row["intervals"]["precision"] == {"low": None, "high": None}


def test_each_group_says_what_was_right_in_it_with_the_interval_of_its_cells():
    calls = random_calls(skill=1)
    right = calls.probabilities.argmax(axis=1) == calls.codes
    rows = group_figures(calls)
    assert [row["accuracy"] for row in rows] == sorted(row["accuracy"] for row in rows)
    for row in rows:
        mine = calls.groups == row["group"]
        positive = calls.codes[mine] == 0
        assert row["accuracy"] == pytest.approx(right[mine].mean())
        assert row["low"] < row["accuracy"] <= row["high"]
        assert row["recall"] == pytest.approx(right[mine][positive].mean(), abs=1e-4)
        assert row["specificity"] == pytest.approx(right[mine][~positive].mean(), abs=1e-4)


def test_a_group_of_one_class_has_no_figure_of_the_other_side():
    calls = random_calls(skill=1)
    calls.truth[calls.groups == "slide 000"] = "cancer"
    (row,) = [row for row in group_figures(calls) if row["group"] == "slide 000"]
    assert row["specificity"] is None
    assert row["recall"] is not None
    assert np.isfinite(row["high"])
