"""Calls: probabilities, the threshold, doubt, and cells unlike the training ones."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.classification.predict import predict
from cellapp.errors import ModelError
from cellapp.settings import ClassifySettings
from cellapp.types.cells import Embeddings
from tests.classification.heads import random_embeddings, random_head


@settings(max_examples=25, deadline=None)
@given(n=st.integers(0, 20), n_classes=st.integers(2, 5), seed=st.integers(0, 100))
def test_probabilities_sum_to_one(n, n_classes, seed):
    head = random_head(classes=tuple("abcde"[:n_classes]), seed=seed)
    predictions = predict(head, random_embeddings(n, seed=seed))
    assert predictions.probabilities.shape == (n, n_classes)
    np.testing.assert_allclose(predictions.probabilities.sum(axis=1), 1, atol=1e-12)
    assert len(predictions.labels) == len(predictions.unsure) == len(predictions.unlike_training) == n
    assert ((predictions.margin >= 0) & (predictions.margin <= 1)).all()


@settings(max_examples=25, deadline=None)
@given(threshold=st.floats(0.01, 0.99))
def test_the_threshold_decides_the_label(threshold):
    predictions = predict(random_head(), random_embeddings(50), ClassifySettings(threshold=threshold))
    called = predictions.labels == "cancer"
    np.testing.assert_array_equal(called, predictions.probabilities[:, 0] >= threshold)


def test_a_higher_threshold_never_adds_positives():
    calls = [
        (predict(random_head(), random_embeddings(50), ClassifySettings(threshold=t)).labels == "cancer").sum()
        for t in (0.1, 0.3, 0.5, 0.7, 0.9)
    ]
    assert calls == sorted(calls, reverse=True)
    assert calls[0] > calls[-1]


def test_the_threshold_does_not_matter_with_three_classes():
    head, embeddings = random_head(classes=("a", "b", "c")), random_embeddings(30)
    low, high = (predict(head, embeddings, ClassifySettings(threshold=t)) for t in (0.1, 0.9))
    np.testing.assert_array_equal(low.labels, high.labels)
    np.testing.assert_array_equal(low.labels, np.asarray(head.classes)[low.probabilities.argmax(axis=1)])


def test_doubt_is_around_the_threshold():
    settings_ = ClassifySettings(threshold=0.8, unsure_margin=0.3)
    predictions = predict(random_head(), random_embeddings(200), settings_)
    p = predictions.probabilities[:, 0]
    np.testing.assert_array_equal(predictions.unsure, (p > 0.8 * 0.7) & (p < 0.8 + 0.2 * 0.3))
    assert predictions.unsure.any()
    assert not predictions.unsure.all()


def test_at_one_half_the_margin_is_the_gap_between_the_two_classes():
    predictions = predict(random_head(), random_embeddings(20))
    gap = np.abs(predictions.probabilities[:, 0] - predictions.probabilities[:, 1])
    np.testing.assert_allclose(predictions.margin, gap, atol=1e-12)


def test_a_margin_of_zero_leaves_no_doubt():
    assert not predict(random_head(), random_embeddings(50), ClassifySettings(unsure_margin=0)).unsure.any()


def test_cells_far_from_training_are_marked():
    head = random_head()
    head = replace(head, novelty=replace(head.novelty, limit=4.0))
    near = (head.mean + head.std * head.novelty.means[0]).astype(np.float32)
    features = np.stack([near, near + 100 * head.std])
    embeddings = Embeddings(features[:, :4], features[:, 4:], np.array([1, 2], np.int32), head.encoder)
    np.testing.assert_array_equal(predict(head, embeddings).unlike_training, [False, True])


def test_the_head_and_the_cells_are_named():
    embeddings = random_embeddings(3)
    predictions = predict(random_head(version="abc"), embeddings)
    assert predictions.head == "toy@abc"
    np.testing.assert_array_equal(predictions.cell_ids, embeddings.cell_ids)


def test_another_encoder_is_refused():
    with pytest.raises(ModelError, match="other@1"):
        predict(random_head(), random_embeddings(encoder="other@1"))
