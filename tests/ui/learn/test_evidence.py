"""Heads of earlier versions, which wrote fewer figures, have all of them measured from their held-out calls."""

import json

import pytest

from cellapp.ui.learn import evidence as module
from tests.evaluation.calls import random_calls, write_calls


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr("cellapp.evaluation.intervals.RESAMPLES", 10)
    monkeypatch.setattr(module, "stored_head", lambda identity: tmp_path / identity)
    module.evidence_of.clear()
    yield tmp_path
    module.evidence_of.clear()


def test_what_an_earlier_version_did_not_write_is_measured_now(folder):
    calls = random_calls(skill=2)
    head = write_calls(folder / "old@1", calls)
    old = {"head": "old@1", "positive": "cancer", "validated": True, "grouped_by": "slide"}
    (head / "metrics.json").write_text(json.dumps(old))
    found = module.evidence_of("old@1")
    assert (found.groups, found.group, found.positive) == ("slides", "slide", "cancer")
    assert found.counts.sum() == len(calls.cells)
    assert len(found.figures["conformal_rates"]) == 4
    assert found.pair.leaky is None
    assert "earlier version" in found.pair.sentence
    assert len(found.errors) >= (found.errors["label"] != found.errors["truth"]).sum() > 0
    assert set(found.curves) >= {"roc", "precision_recall", "calibration"}


def test_a_head_that_was_not_validated_has_words_and_no_figures(folder):
    (folder / "few@1").mkdir()
    metrics = {"head": "few@1", "validated": False, "reason": "not validated: few", "grouped_by": "slide"}
    (folder / "few@1" / "metrics.json").write_text(json.dumps(metrics | {"groups_per_class": {"a": 1, "b": 3}}))
    found = module.evidence_of("few@1")
    assert "Not validated" in found.verdict.sentence
    assert not found.figures
    assert found.pair is None
