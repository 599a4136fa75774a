"""Figures of held-out calls agree with each other and with the calls."""

import json

import numpy as np
import pytest

from cellapp.evaluation.evidence import BESIDE, beside_leaky, curves, evidence, worst_errors
from cellapp.evaluation.scores import score_calls
from tests.evaluation.calls import random_calls

pytestmark = pytest.mark.usefixtures("few_resamples")


@pytest.mark.parametrize("classes", [("cancer", "normal"), ("a", "b", "c")])
def test_scores_classes_groups_and_confusion_count_the_same_cells(classes):
    calls = random_calls(classes=classes, skill=2)
    found = evidence(calls, error_rate=0.1)
    right = calls.probabilities.argmax(axis=1) == calls.codes
    counts = np.array(found["confusion"]["counts"])
    assert counts.sum(axis=1).tolist() == [row["n"] for row in found["per_class"]]
    assert counts.trace() == right.sum()
    assert sum(row["n"] for row in found["per_group"]) == len(right)
    weighted = sum(row["n"] * row["accuracy"] for row in found["per_group"]) / len(right)
    assert weighted == pytest.approx(found["scores"]["accuracy"], abs=1e-3)
    recalls = [row["recall"] for row in found["per_class"]]
    assert np.mean(recalls) == pytest.approx(found["scores"]["balanced_accuracy"], abs=1e-3)
    assert found["scores"].keys() == found["intervals"].keys()
    json.dumps(found, allow_nan=False)


def test_the_worst_group_comes_first():
    calls = random_calls(skill=2)
    bad = calls.groups == calls.groups[0]
    calls.probabilities[bad] = np.roll(np.eye(2)[calls.codes[bad]], 1, axis=1)
    first = evidence(calls, error_rate=0.1)["per_group"][0]
    assert (first["group"], first["accuracy"]) == (calls.groups[0], 0)


def test_coverage_is_near_the_promise_for_each_class():
    found = evidence(random_calls(n_groups=60, per_group=60, skill=1.5), error_rate=0.2)["conformal"]
    assert found["promised"] == 0.8
    assert found["reached"] == pytest.approx(0.8, abs=0.02)
    assert all(value == pytest.approx(0.8, abs=0.04) for value in found["reached_per_class"].values())
    assert 0 < found["unsure"] < 1


def test_errors_are_the_wrong_calls_the_surest_first():
    calls = random_calls(skill=2)
    table = worst_errors(calls)
    wrong = calls.probabilities.argmax(axis=1) != calls.codes
    assert (table["label"] != table["truth"]).sum() == wrong.sum()
    assert set(table["file"]) >= set(np.array(calls.cells)[wrong])
    assert table["p_truth"].is_monotonic_increasing
    assert table.loc[table["label"] == table["truth"], "label_looks_wrong"].all()


def test_nothing_wrong_is_an_empty_table_with_its_columns():
    calls = random_calls(skill=50)
    assert list(worst_errors(calls).columns)[:4] == ["file", "group", "fold", "truth"]
    assert len(worst_errors(calls)) == 0
    assert evidence(calls, error_rate=0.1)["scores"]["accuracy"] == 1


def test_curves_are_about_the_positive_class():
    drawn = curves(random_calls(skill=2))
    assert drawn["positive"] == "cancer"
    assert drawn["roc"]["true_positive_rate"][-1] == 1
    assert sum(row["n"] for row in drawn["calibration"]) == 240


def test_the_gap_is_how_much_a_split_by_cell_flatters():
    calls = random_calls(skill=1)
    honest = score_calls(calls.codes, calls.probabilities, 0)
    leaky = honest | {"balanced_accuracy": honest["balanced_accuracy"] + 0.2}
    both = beside_leaky(honest, leaky)
    assert both["gap"] == pytest.approx(0.2, abs=1e-4)
    assert both["grouped"].keys() == both["leaky"].keys() == set(BESIDE)
    alone = beside_leaky(honest, None)
    assert (alone["leaky"], alone["gap"]) == (None, None)
