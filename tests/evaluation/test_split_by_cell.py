"""The pair of honest and leaky score says what the gap means, and why there is none where there is none."""

import pytest

from cellapp.evaluation.split_by_cell import LARGE_GAP, split_pair


def metrics(leaky, grouped=0.8, low=0.7, **more):
    return {
        "scores": {"balanced_accuracy": grouped},
        "intervals": {"balanced_accuracy": {"low": low, "high": 0.9}},
        "per_class": [{}, {}],
        "grouped_by": "slide",
        "grouped": {"balanced_accuracy": grouped},
        "leaky": None if leaky is None else {"balanced_accuracy": leaky},
        "gap": None if leaky is None else leaky - grouped,
    } | more


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (metrics(0.98), "It remembers slides: split by cell it would seem right for 98 %"),
        (metrics(0.98, grouped=0.5, low=0.4), "It recognises slides, not classes"),
        (metrics(0.83), "Split by cell it would seem right for 83 % (balanced accuracy), 3 points more than on slides"),
        (metrics(0.81), "1 point more"),
        (metrics(0.804), "no more than on slides it had not seen"),
        (metrics(0.7), "no more than on slides it had not seen"),
    ],
)
def test_the_sentence_follows_the_gap(given, words):
    pair = split_pair(given, "slides")
    assert words in pair.sentence
    assert (pair.honest, pair.leaky, pair.gap) == (given["scores"]["balanced_accuracy"], *leaky_of(given))
    assert ("It re" in pair.sentence) == (pair.gap >= LARGE_GAP)


def leaky_of(given):
    return given["leaky"]["balanced_accuracy"], given["gap"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (metrics(None), "a class has a single cell"),
        (metrics(None, fine_tuning={}), "would take as long again"),
        (metrics(None, batch_effects={}), "needs to know them"),
        (metrics(None, grouped_by=None), "This is a split by cell itself"),
        ({name: value for name, value in metrics(None).items() if name != "leaky"}, "train again to have it"),
    ],
)
def test_where_there_is_no_leaky_score_it_says_why(given, words):
    pair = split_pair(given, "slides")
    assert words in pair.sentence
    assert (pair.leaky, pair.gap) == (None, None)


def test_without_an_honest_score_there_is_no_pair():
    assert split_pair({"scores": {}, "leaky": None, "gap": None}, "slides") is None
    assert split_pair({}, "slides") is None
