"""The sentence says what was measured, and each reason to doubt shows exactly where it holds."""

import re

import numpy as np
import pytest

from cellapp.evaluation.breakdown import group_figures
from cellapp.evaluation.held_out_calls import HeldOutCalls
from cellapp.evaluation.verdict import not_validated, verdict

CLASSES = ("cancer", "normal")


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch):
    monkeypatch.setattr("cellapp.evaluation.intervals.RESAMPLES", 40)


def calls(n_groups=12, per_group=20, *, right=0.9, sure=0.9, seed=0, wrong_group=None):
    """Calls that are right so often, and so sure of it; groups are of one class by turns."""
    rng = np.random.default_rng(seed)
    groups = np.repeat([f"slide {k:02d}" for k in range(n_groups)], per_group)
    codes = np.repeat(np.arange(n_groups) % 2, per_group)
    hit = np.concatenate([rng.permutation(per_group) < round(right * per_group) for _ in range(n_groups)])
    hit[groups == wrong_group] = False
    said = np.where(hit, codes, 1 - codes)
    p = np.full((len(codes), 2), 1 - sure)
    p[np.arange(len(codes)), said] = sure
    names = tuple(str(k) for k in range(len(codes)))
    return HeldOutCalls("h@1", CLASSES, "cancer", names, groups, codes, np.array(CLASSES)[codes], p)


def test_the_sentence_says_score_interval_groups_and_positive_class():
    found = verdict(calls(), "slide")
    start = r"On 12 slides it had not seen, it is right for 90 % of cells \(\d+ to \d+\), "
    assert re.fullmatch(start + r"cancer being the positive class\.", found.sentence)
    assert (found.accuracy, found.doubts) == (0.9, ())


@pytest.mark.parametrize(
    ("given", "grouped_by", "words"),
    [
        (calls(right=0.5, sure=0.6), "slide", "no better than that"),
        (calls(n_groups=6), "slide", "from 3 slides only"),
        (calls(sure=0.6), "slide", "points off"),
        (calls(wrong_group="slide 03"), "slide", "On slide 03 it is right for 0 % only"),
        (calls(), None, "flatters"),
        (calls(), "batch", "may know batches"),
    ],
)
def test_each_doubt_is_said_where_it_holds(given, grouped_by, words):
    assert any(words in doubt for doubt in verdict(given, grouped_by).doubts)
    assert not any(words in doubt for doubt in verdict(calls(), "slide").doubts)


def test_the_worst_group_comes_first():
    rows = group_figures(calls(wrong_group="slide 05"))
    expected = {"group": "slide 05", "classes": "normal", "n": 20, "accuracy": 0.0}
    assert {name: rows[0][name] for name in expected} == expected
    assert sum(row["n"] for row in rows) == 240


def test_without_a_score_it_says_what_to_photograph():
    found = not_validated("not validated: ...", "image", {"cancer": 1, "normal": 4})
    assert "every cell of 'cancer' is from one image" in found.sentence
    assert "a second image of 'cancer'" in found.doubts[0]
    assert found.accuracy is None
