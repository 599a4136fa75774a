"""Intervals over groups."""

import numpy as np
import pytest

from cellapp.evaluation import intervals as module
from cellapp.evaluation.intervals import FIGURES, draw_groups, figures_with_intervals, with_intervals
from cellapp.evaluation.scores import measure_calls
from tests.evaluation.calls import CLASSES, calls_of_groups


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch):
    """Intervals of fifty draws are as lawful as those of hundreds and take a moment."""
    monkeypatch.setattr(module, "RESAMPLES", 50)


def figures(p, codes, groups):
    return figures_with_intervals(p, codes, groups, classes=CLASSES, positive="cancer")


def test_values_are_those_of_the_whole_and_lie_in_their_interval():
    p, codes, groups = calls_of_groups(20, 6)
    found = figures(p, codes, groups)
    whole = measure_calls(p, codes, CLASSES, "cancer")
    assert tuple(found) == FIGURES
    assert {name: row["value"] for name, row in found.items()} == {name: whole[name] for name in FIGURES}
    for name in ("auc", "balanced_accuracy", "brier"):
        assert found[name]["low"] <= found[name]["value"] <= found[name]["high"]


def test_copies_of_cells_in_a_group_are_no_further_evidence():
    once, thrice = figures(*calls_of_groups(20, 6)), figures(*calls_of_groups(20, 6, copies=3))
    assert thrice["auc"] == pytest.approx(once["auc"])
    apart = figures(*calls_of_groups(80, 6))["auc"]
    assert apart["high"] - apart["low"] < once["auc"]["high"] - once["auc"]["low"]


def test_two_groups_leave_no_interval_worth_giving():
    found = figures(*calls_of_groups(2, 5))["auc"]
    assert found["value"] is not None
    assert found["low"] is None or found["low"] <= found["high"]


def test_nothing_called_positive_has_no_precision():
    p, codes, groups = calls_of_groups(8, 4)
    none = figures(np.tile([0.1, 0.9], (len(p), 1)), codes, groups)
    assert none["precision"] == {"value": None, "low": None, "high": None}


def test_whole_groups_are_drawn():
    groups = np.repeat(["a", "b", "c"], (2, 3, 4))
    for rows in draw_groups(groups, draws=20):
        counts = np.bincount(rows, minlength=9)
        assert all(len(set(counts[groups == name])) == 1 for name in "abc")
        assert counts[[0, 2, 5]].sum() == 3


def test_a_figure_that_few_draws_define_has_no_interval():
    codes, groups = np.array([0, 1, 0, 1]), np.array(["a", "a", "b", "b"])
    found = with_intervals(lambda rows: {"x": 0.123456 if len(rows) == 4 else 1, "y": None}, codes, groups, 2)
    assert found["x"] == {"value": 0.1235, "low": 0.1235, "high": 0.1235}
    assert found["y"] == {"value": None, "low": None, "high": None}
