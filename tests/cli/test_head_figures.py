"""`train` prints the figures of a head that metrics.json holds, and the files that are there."""

import numpy as np
import pytest

from cellapp.cli.head_figures import figure_lines, file_lines
from cellapp.evaluation.evidence import beside_leaky, evidence
from tests.evaluation.calls import random_calls


@pytest.fixture
def metrics(monkeypatch):
    monkeypatch.setattr("cellapp.evaluation.intervals.RESAMPLES", 20)
    calls = random_calls(skill=2)
    found = evidence(calls, error_rate=0.1)
    found |= beside_leaky(found["scores"], dict.fromkeys(found["scores"], 0.97))
    points = [{"n_groups": n, "balanced_accuracy": 0.7 + n / 50, "low": 0.6, "high": 0.9} for n in (4, 8)]
    own = {name: {"value": found["scores"][name], **found["intervals"][name]} for name in found["scores"]}
    head = {"head": "a@1", "n": 240, "n_groups": 12, "positive": "cancer", "grouped_by": "slide", "validated": True}
    return {**found, **head, "methods": {"embedding": own}, "learning_curve": points}


def test_honest_and_leaky_stand_beside_each_other_with_classes_coverage_and_curve(metrics):
    lines = figure_lines(metrics)
    honest = next(line for line in lines if line.startswith("unseen slides (honest): "))
    assert f"balanced accuracy {metrics['grouped']['balanced_accuracy']:.3f}" in honest
    assert "split by cell (leaky): accuracy 0.970, balanced accuracy 0.970" in "\n".join(lines)
    assert sum("points more than" in line for line in lines) == 1
    row = metrics["per_class"][0]
    assert any(line.startswith("class cancer: precision") and f"F1 {row['f1']:.3f}" in line for line in lines)
    assert any("called unsure" in line for line in lines)
    assert any("More slides would probably help" in line for line in lines)


def test_without_a_split_there_is_nothing_to_say_of_calls(metrics):
    lines = figure_lines({**metrics, "validated": False, "methods": {}, "grouped": None})
    assert len(lines) == 1
    assert np.all(["honest" not in line for line in lines])


def test_only_files_that_are_there_are_named(tmp_path):
    assert file_lines(tmp_path) == []
    (tmp_path / "errors.csv").write_text("")
    (line,) = file_lines(tmp_path)
    assert line.startswith(f"{tmp_path / 'errors.csv'}: wrong calls")
