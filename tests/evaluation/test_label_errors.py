"""Labels that held-out calls contradict."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.evaluation.label_errors import suspicious_labels


@settings(max_examples=15, deadline=None)
@given(n_classes=st.integers(2, 4), seed=st.integers(0, 50), unsure=st.floats(0, 1))
def test_swapped_labels_come_first(n_classes, seed, unsure):
    """Also where the head is less sure of one class than of the others."""
    rng = np.random.default_rng(seed)
    true = np.arange(200) % n_classes
    logits = 4 * np.eye(n_classes)[true] + 0.5 * rng.normal(size=(200, n_classes))
    logits[true == 0] *= 1 - 0.5 * unsure
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    wrong = rng.choice(200, 10, replace=False)
    labelled = true.copy()
    labelled[wrong] = (true[wrong] + 1) % n_classes
    found = suspicious_labels(labelled, p)
    is_swapped = np.isin(found, wrong)
    assert is_swapped.sum() >= 4  # one the head itself is unsure of cannot be told
    assert is_swapped[: is_swapped.sum()].all()
    assert len(found) < 30


def test_a_threshold_follows_how_sure_the_head_is_of_a_class():
    # Of class 1 the head is never surer than 0.45; a cell labelled 0 with 0.44 for class 1 is one of these.
    p = np.array([[0.9, 0.1], [0.95, 0.05], [0.56, 0.44], [0.6, 0.4], [0.55, 0.45]])
    assert suspicious_labels(np.array([0, 0, 0, 1, 1]), p).tolist() == [2]


def test_labels_that_agree_are_not_suspicious():
    p = np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]])
    assert suspicious_labels(np.array([0, 1, 0]), p).size == 0
    assert suspicious_labels(np.zeros(0, int), np.zeros((0, 2))).size == 0
