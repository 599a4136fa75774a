"""Coverage is counted on cells whose fold had no say in the limits, and said with the share called unsure."""

import numpy as np
import pytest

from cellapp.classification.conformal import held_out_sets
from cellapp.evaluation.coverage import coverage, coverage_sentence
from tests.evaluation.calls import random_calls


@pytest.mark.parametrize("rate", [0.05, 0.2])
def test_reached_and_unsure_are_counted_from_the_sets(rate, monkeypatch):
    monkeypatch.setattr("cellapp.evaluation.intervals.RESAMPLES", 20)
    calls = random_calls(skill=2)
    sets = held_out_sets(calls.probabilities, calls.codes, calls.folds, rate)
    called = calls.probabilities.argmax(axis=1)
    sure = [set(np.flatnonzero(row)) == {k} for row, k in zip(sets, called, strict=True)]
    found = coverage(calls, rate)
    assert found["promised"] == pytest.approx(1 - rate)
    assert found["reached"] == pytest.approx(
        np.mean([row[k] for row, k in zip(sets, calls.codes, strict=True)]), abs=1e-4
    )
    assert found["low"] <= found["reached"] <= found["high"]
    assert found["unsure"] == pytest.approx(1 - np.mean(sure), abs=1e-4)


def test_the_sentence_has_promise_interval_and_share():
    found = {"error_rate": 0.1, "promised": 0.9, "reached": 0.88, "low": 0.85, "high": 0.91, "unsure": 0.23}
    said = coverage_sentence(found, "slides")
    assert "At an error rate of 10 %" in said
    assert "90 % of cells; on slides it had not seen it held that of 88 % (85 to 91), with 23 %" in said
    assert "88 %, with" in coverage_sentence(found | {"low": None}, "slides")
