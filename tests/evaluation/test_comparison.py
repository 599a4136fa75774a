"""Comparing heads: their order does not matter, and only those of the same folds can be compared."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from sklearn import metrics

from cellapp.errors import InputError
from cellapp.evaluation.comparison import compare_heads
from cellapp.evaluation.scores import SCORES
from tests.evaluation.calls import random_calls

GOOD, FAIR, POOR = (
    random_calls(name, skill=skill, noise=k) for k, (name, skill) in enumerate(zip("abc", (4, 1.2, 1), strict=True))
)
REFERENCE = {
    "accuracy": lambda codes, p: metrics.accuracy_score(codes, p.argmax(axis=1)),
    "balanced_accuracy": lambda codes, p: metrics.balanced_accuracy_score(codes, p.argmax(axis=1)),
    "f1_weighted": lambda codes, p: metrics.f1_score(codes, p.argmax(axis=1), average="weighted"),
    "auc": lambda codes, p: metrics.roc_auc_score(codes == 0, p[:, 0]),
}


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("classes", [("x", "y"), ("x", "y", "z")])
def test_scores_are_those_of_scikit_learn(score, classes):
    calls = random_calls(classes=classes)
    calls = replace(calls, probabilities=calls.probabilities.round(1))  # ties
    value = SCORES[score](calls.codes, calls.probabilities, 0)
    assert value == pytest.approx(REFERENCE[score](calls.codes, calls.probabilities))


def test_order_of_heads_and_of_classes_does_not_matter():
    turned = FAIR.arranged(FAIR.classes[::-1], FAIR.positive)
    results = [compare_heads(order) for order in permutations([GOOD, turned, POOR])]
    assert all(result == results[0] for result in results)
    assert results[0]["heads"][0]["head"] == "a@1"


def test_a_clear_difference_is_concluded_and_none_where_there_is_none():
    clear = compare_heads([POOR, GOOD])
    assert clear["sentence"].startswith("a is better than c: balanced accuracy")
    assert clear["paired_t"]["p"] == clear["paired_t"]["p_holm"] <= clear["corrected_t"]["p"] < 0.05
    assert 0 < clear["bootstrap"]["low"] <= clear["difference"] + 0.05
    unclear = compare_heads([random_calls("d", skill=1, noise=8), POOR])
    assert "cannot be concluded" in unclear["sentence"]
    assert unclear["corrected_t"]["p"] > 0.05
    same = compare_heads([replace(POOR, head="d@1"), POOR])
    assert same["paired_t"]["p"] == 1.0
    assert "cannot be told apart" in same["sentence"]


def test_several_heads_are_adjusted_for_the_number_of_comparisons():
    each = compare_heads([GOOD, FAIR, POOR], "auc")
    assert len(each["comparisons"]) == 3
    assert all(row["paired_t"]["p_holm"] >= row["paired_t"]["p"] for row in each["comparisons"])
    one = compare_heads([GOOD, FAIR, POOR], "auc", "b")
    assert [row["heads"] for row in one["comparisons"]] == [["a", "b"], ["b", "c"]]
    assert one["sentence"].startswith("b has auc")
    assert "worse than a" in one["sentence"]


def test_mixtures_count_nowhere():
    mixed = [replace(c, truth=np.where(np.arange(240) % 7 == 0, "cancer:normal=1:2", c.truth)) for c in (GOOD, POOR)]
    rows = np.arange(240) % 7 != 0
    assert compare_heads(mixed) == compare_heads([GOOD.subset(rows), POOR.subset(rows)])


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (replace(POOR, folds=np.roll(POOR.folds, 7)), "different folds; train both with the same"),
        (replace(POOR, groups=np.roll(POOR.groups, 7)), "different folds"),
        (
            replace(POOR, cells=("x.tif", *POOR.cells[1:])),
            r"different cells \(1 of the first alone, 1 of the second alone\)",
        ),
        (replace(POOR, truth=POOR.truth[::-1]), "different labels"),
        (random_calls("d", classes=("cancer", "other")), "different classes"),
        (replace(POOR, head=GOOD.head), "given twice"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_a_way_out(other, message):
    with pytest.raises(InputError, match=message):
        compare_heads([GOOD, other])


def test_numbers_of_folds_may_differ_where_their_cells_do_not():
    renumbered = replace(POOR, folds=(POOR.folds * 3 + 1) % 4)
    assert compare_heads([GOOD, renumbered])["sentence"] == compare_heads([GOOD, POOR])["sentence"]


@pytest.mark.parametrize(
    ("heads", "options", "message"),
    [
        ([GOOD], {}, "at least two heads"),
        ([GOOD, POOR], {"score": "luck"}, "no score 'luck'; choose one of: balanced_accuracy"),
        ([GOOD, POOR], {"reference": "z"}, "no head 'z' to compare with; name one of a, c"),
        ([replace(h, folds=h.folds * 0) for h in (GOOD, POOR)], {}, "one fold only"),
        (
            [replace(h, folds=np.where(h.truth == "cancer", 0, 1)) for h in (GOOD, POOR)],
            {"score": "auc"},
            "not defined there",
        ),
    ],
)
def test_unusable_choices_are_refused(heads, options, message):
    with pytest.raises(InputError, match=message):
        compare_heads(heads, **options)
