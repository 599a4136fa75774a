"""Scores are those of scikit-learn, and speak of the positive class."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics
from sklearn.metrics import precision_score, recall_score

from cellapp.evaluation.scores import class_counts, confusion_counts, measure_calls, score_calls, top_k
from tests.evaluation.calls import CLASSES, calls_of_groups


@settings(max_examples=40, deadline=None)
@given(n=st.integers(2, 60), k=st.integers(2, 5), at=st.integers(0, 1), seed=st.integers(0, 999), coarse=st.booleans())
def test_every_score_is_that_of_scikit_learn(n, k, at, seed, coarse):
    """Whatever classes occur or are called, and however many probabilities are equal."""
    rng = np.random.default_rng(seed)
    codes, p = rng.integers(0, k, n), rng.dirichlet(np.ones(k), n)
    p = (np.round(4 * p) + 0.25) / (np.round(4 * p) + 0.25).sum(axis=1, keepdims=True) if coarse else p
    found, called, truth = score_calls(codes, p, at), p.argmax(axis=1), codes == at
    expected = {
        "accuracy": sklearn_metrics.accuracy_score(codes, called),
        **{f"f1_{how}": sklearn_metrics.f1_score(codes, called, average=how) for how in ("macro", "micro", "weighted")},
        "brier": ((p[:, at] - truth) ** 2).mean(),
        "log_loss": sklearn_metrics.log_loss(codes, p, labels=range(k)),
    }
    there = np.unique(codes)
    expected["balanced_accuracy"] = sklearn_metrics.recall_score(codes, called, labels=there, average="macro")
    hit = called == at
    expected["precision"] = precision_score(truth, hit) if hit.any() else None
    expected["recall"] = recall_score(truth, hit) if truth.any() else None
    expected["specificity"] = recall_score(~truth, ~hit) if not truth.all() else None
    expected["f1"] = sklearn_metrics.f1_score(truth, hit) if (truth | hit).any() else None
    expected["average_precision"] = sklearn_metrics.average_precision_score(truth, p[:, at]) if truth.any() else None
    both = truth.any() and not truth.all()
    expected["auc"] = sklearn_metrics.roc_auc_score(truth, p[:, at]) if both else None
    if k > 2 and not coarse:
        expected["top_2"] = sklearn_metrics.top_k_accuracy_score(codes, p, k=2, labels=range(k))
    for name, value in expected.items():
        assert found[name] == (None if value is None else pytest.approx(value, abs=1e-9)), name
    assert (found.keys() - expected.keys()) <= {"calibration_error", "top_2"}
    np.testing.assert_array_equal(
        confusion_counts(codes, p), sklearn_metrics.confusion_matrix(codes, called, labels=range(k))
    )


def test_rows_of_the_confusion_are_true_classes():
    counts = confusion_counts(np.array([0, 0, 0, 1]), np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.1, 0.9]]))
    assert counts.tolist() == [[1, 2], [0, 1]]


def test_more_guesses_are_never_less_often_right():
    rng = np.random.default_rng(0)
    codes, p = rng.integers(0, 4, 50), rng.dirichlet(np.ones(4), 50)
    shares = [top_k(codes, p, k) for k in range(1, 5)]
    assert shares == sorted(shares)
    assert shares[0] == (p.argmax(axis=1) == codes).mean()
    assert shares[-1] == 1


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
    p, codes, _ = calls_of_groups(10, 5)
    swapped = measure_calls(p[:, ::-1], 1 - codes, CLASSES[::-1], "cancer")
    assert swapped == measure_calls(p, codes, CLASSES, "cancer")


@given(st.lists(st.sampled_from(["groups", "folds", "groups_", "cancer", "folds_"]), unique=True))
def test_no_class_takes_the_place_of_the_number_of_groups_or_of_another_class(classes):
    counts = class_counts({name: n for n, name in enumerate(classes, 1)})
    assert sorted(counts.values()) == list(range(1, len(classes) + 1))
    assert not {"n_groups", "n_folds"} & set(counts)
    assert all(counts[f"n_{name}"] == classes.index(name) + 1 for name in classes if name not in ("groups", "folds"))
