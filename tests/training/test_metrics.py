"""Intervals over groups and tables of reliability."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import precision_score, recall_score

from cellapp.training import metrics as module
from cellapp.training.metrics import FIGURES, figures_with_intervals, measure_calls

CLASSES = ("cancer", "normal")


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch):
    """Intervals of fifty draws are as lawful as those of hundreds and take a moment."""
    monkeypatch.setattr(module, "RESAMPLES", 50)


def calls(n_groups, per_group, *, copies=1, seed=0):
    rng = np.random.default_rng(seed)
    codes = np.tile(np.arange(n_groups) % 2, (per_group, 1)).T.ravel()
    p = 1 / (1 + np.exp(-(rng.normal(size=len(codes)) + 1.5 * (codes == 0) - 0.75)))
    groups = np.repeat(np.arange(n_groups), per_group).astype(str)
    return np.stack([p, 1 - p], axis=1).repeat(copies, axis=0), codes.repeat(copies), groups.repeat(copies)


def figures(p, codes, groups):
    return figures_with_intervals(p, codes, groups, classes=CLASSES, positive="cancer")


def test_values_are_those_of_the_whole_and_lie_in_their_interval():
    p, codes, groups = calls(20, 6)
    found = figures(p, codes, groups)
    whole = measure_calls(p, codes, CLASSES, "cancer")
    assert tuple(found) == FIGURES
    assert {name: row["value"] for name, row in found.items()} == {name: whole[name] for name in FIGURES}
    for name in ("auc", "balanced_accuracy", "brier"):
        assert found[name]["low"] <= found[name]["value"] <= found[name]["high"]


def test_copies_of_cells_in_a_group_are_no_further_evidence():
    once, thrice = figures(*calls(20, 6)), figures(*calls(20, 6, copies=3))
    assert thrice["auc"] == pytest.approx(once["auc"])
    apart = figures(*calls(80, 6))["auc"]
    assert apart["high"] - apart["low"] < once["auc"]["high"] - once["auc"]["low"]


def test_two_groups_leave_no_interval_worth_giving():
    found = figures(*calls(2, 5))["auc"]
    assert found["value"] is not None
    assert found["low"] is None or found["low"] <= found["high"]


def test_nothing_called_positive_has_no_precision():
    p, codes, groups = calls(8, 4)
    none = figures(np.tile([0.1, 0.9], (len(p), 1)), codes, groups)
    assert none["precision"] == {"value": None, "low": None, "high": None}


def test_figures_speak_of_the_positive_class():
    # Calls: 2 of 3 cancers found, 1 of 2 normals called cancer.
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.4, 0.6], [0.7, 0.3], [0.1, 0.9]])
    figures = measure_calls(probabilities, np.array([0, 0, 0, 1, 1]), ("cancer", "normal"), "cancer")
    assert figures["sensitivity"] == pytest.approx(2 / 3, abs=1e-4)
    assert figures["specificity"] == pytest.approx(1 / 2)
    assert figures["precision"] == pytest.approx(2 / 3, abs=1e-4)
    assert (figures["n_cancer"], figures["n_normal"]) == (3, 2)


def test_precision_is_unknown_when_nothing_is_called_positive():
    probabilities = np.array([[0.4, 0.6], [0.1, 0.9]])
    assert measure_calls(probabilities, np.array([0, 1]), ("cancer", "normal"), "cancer")["precision"] is None


@settings(max_examples=25, deadline=None)
@given(n=st.integers(6, 60), n_classes=st.integers(2, 4), at=st.integers(0, 1), seed=st.integers(0, 99))
def test_figures_are_those_of_scikit_learn(n, n_classes, at, seed):
    rng = np.random.default_rng(seed)
    codes, probabilities = np.arange(n) % n_classes, rng.dirichlet(np.ones(n_classes), n)
    classes = tuple("abcd"[:n_classes])
    result = measure_calls(probabilities, codes, classes, classes[at])
    truth, called = codes == at, probabilities.argmax(axis=1) == at
    assert result["sensitivity"] == pytest.approx(recall_score(truth, called), abs=1e-4)
    assert result["specificity"] == pytest.approx(recall_score(~truth, ~called), abs=1e-4)
    if called.any():
        assert result["precision"] == pytest.approx(precision_score(truth, called), abs=1e-4)
    assert result["n"] == sum(result[f"n_{name}"] for name in classes) == n


def test_renaming_classes_changes_no_figure():
    p, codes, _ = calls(10, 5)
    swapped = measure_calls(p[:, ::-1], 1 - codes, CLASSES[::-1], "cancer")
    assert swapped == measure_calls(p, codes, CLASSES, "cancer")
