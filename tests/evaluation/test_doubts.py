"""Each sentence is said where it holds, and only there."""

import pytest

from cellapp.evaluation.doubts import further_doubts, leak_doubts


def metrics(**changes):
    """Of a head that nothing speaks against."""
    values = {
        "intervals": {"balanced_accuracy": {"low": 0.86, "high": 0.93}},
        "per_class": [{"class": name, "recall": 0.9} for name in ("cancer", "normal")],
        "grouped": {"balanced_accuracy": 0.9},
        "leaky": {"balanced_accuracy": 0.92},
        "gap": 0.02,
        "conformal": {"promised": 0.9, "reached": 0.89},
        "label_errors": 0,
        "learning_curve": [{"n_groups": n, "balanced_accuracy": 0.9} for n in (4, 8)],
    }
    return values | changes


def said(given):
    return [*leak_doubts(given, "slides"), *further_doubts(given, "slides")]


LEAK = {"grouped": {"balanced_accuracy": 0.51}, "leaky": {"balanced_accuracy": 0.98}, "gap": 0.47}
CHANCE = {"intervals": {"balanced_accuracy": {"low": 0.4, "high": 0.6}}}
NO_INTERVAL = {"intervals": {"balanced_accuracy": {"low": None, "high": None}}}
RISE = [{"n_groups": 5.0, "balanced_accuracy": 0.8}, {"n_groups": 9.6, "balanced_accuracy": 0.9}]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (LEAK | CHANCE, "It recognises slides, not classes: split by cell it would seem right for 98 %"),
        (LEAK | NO_INTERVAL, "at chance, 51 %"),
        ({"gap": 0.08, "leaky": {"balanced_accuracy": 0.98}}, "8 points more than the 90 % on slides it had not seen"),
        ({"per_class": [{"class": "a", "recall": 0.4}]}, "Of the cells of class a it finds 40 % only."),
        ({"conformal": {"promised": 0.9, "reached": 0.8}}, "promise the true class for 90 % of cells and held it for"),
        ({"label_errors": 1}, "1 label looks wrong: held-out calls contradict"),
        ({"label_errors": 2}, "2 labels look wrong"),
        ({"learning_curve": RISE}, "More slides would probably help: trained on 5 it scored 0.80, on 10 0.90"),
    ],
)
def test_what_speaks_against_a_head_is_said(changes, words):
    assert any(words in sentence for sentence in said(metrics(**changes))), said(metrics(**changes))
    assert said(metrics()) == []


def test_a_head_that_guesses_has_no_say_about_labels():
    assert not any("wrong" in sentence for sentence in said(metrics(label_errors=60, **LEAK, **CHANCE)))


def test_heads_of_earlier_versions_have_no_such_figures():
    assert said({}) == []
    assert said({"gap": None, "learning_curve": []}) == []
