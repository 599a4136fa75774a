"""Training: what is learnt, measured on unseen groups, and refused."""

import numpy as np
import pytest

from cellapp.classification.predict import predict
from cellapp.errors import InputError
from cellapp.evaluation.scores import measure_calls
from cellapp.training.classifier.cross_validation import HeadSpec, LabelledVectors, fit, fit_and_hold_out, hold_out
from cellapp.training.classifier.logistic_regression import STRENGTHS
from cellapp.types.cells import Embeddings
from tests.classification.heads import ENCODER, PURPOSE, toy_cells

pytestmark = pytest.mark.slow


def as_embeddings(features):
    half = features.shape[1] // 2
    return Embeddings(features[:, :half], features[:, half:], np.arange(len(features), dtype=np.int32), ENCODER)


@pytest.mark.parametrize("classes", [("cancer", "normal"), ("a", "b", "c")])
def test_separable_classes_are_learnt(classes):
    data = toy_cells(shift=6, classes=classes)
    head = fit(data, PURPOSE)
    predictions = predict(head, as_embeddings(toy_cells(shift=6, classes=classes, seed=9).features))
    truth = toy_cells(shift=6, classes=classes, seed=9).labels
    assert (predictions.labels == np.asarray(truth, dtype=object)).mean() > 0.95
    assert head.metrics["auc"] > 0.97
    assert head.calibrated


def test_noise_is_not_flattered():
    head = fit(toy_cells(shift=0, n_features=40), PURPOSE)
    assert 0.4 < head.metrics["auc"] < 0.6
    assert head.metrics["calibration_error"] < 0.12


def test_a_group_that_gives_the_class_away_does_not_help():
    # Every group is of one class and has its own fingerprint: cells of one group are easy to tell from another's, and
    # random folds would call that skill. Held-out groups show there is none.
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(12), 30)
    features = rng.normal(size=(360, 20)) + 4 * rng.normal(size=(12, 20))[groups]
    labels = ["cancer" if g % 2 else "normal" for g in groups]
    head = fit(LabelledVectors(features, labels, [str(g) for g in groups]), PURPOSE)
    assert head.metrics["auc"] < 0.85


def test_the_positive_class_is_cancer_where_it_exists():
    assert fit(toy_cells(), PURPOSE).positive == "cancer"
    assert fit(toy_cells(classes=("a", "b")), PURPOSE).positive == "a"
    assert fit(toy_cells(), HeadSpec("toy", ENCODER, "x", positive="normal")).positive == "normal"
    with pytest.raises(InputError, match="'stroma' is none of cancer, normal"):
        fit(toy_cells(), HeadSpec("toy", ENCODER, "x", positive="stroma"))


def test_one_group_per_class_is_not_validated():
    data = toy_cells(n_groups=1)
    head = fit(data, PURPOSE)
    assert head.metrics["validated"] is False
    assert "one group only" in head.metrics["reason"]
    assert not head.calibrated
    assert not predict(head, as_embeddings(data.features * 100)).unlike_training.any()


def test_two_groups_give_two_folds():
    assert fit(toy_cells(n_groups=2), PURPOSE).metrics["n_folds"] == 2


def test_about_one_training_cell_in_a_hundred_is_unlike_the_rest():
    data = toy_cells(n_groups=10, per_group=100)
    head = fit(data, PURPOSE)
    fresh = toy_cells(n_groups=10, per_group=100, seed=5)
    share = predict(head, as_embeddings(fresh.features)).unlike_training.mean()
    assert share < 0.04
    assert predict(head, as_embeddings(fresh.features + 20)).unlike_training.all()


def test_the_same_cells_and_seed_give_the_same_head():
    one, two = fit(toy_cells(), PURPOSE, seed=3), fit(toy_cells(), PURPOSE, seed=3)
    np.testing.assert_array_equal(one.weight, two.weight)
    assert one.metrics == two.metrics


def test_a_constant_feature_does_no_harm():
    data = toy_cells()
    features = data.features.copy()
    features[:, 3] = 7.0
    head = fit(LabelledVectors(features, data.labels, data.groups), PURPOSE)
    assert np.isfinite(head.weight).all()
    assert np.isfinite(head.scores(features)).all()


@pytest.mark.parametrize(
    ("features", "labels", "words"),
    [
        (np.zeros((3, 2)), ["a", "b"], "3 vectors, 2 labels, 2 groups"),
        (np.zeros((2, 2)), ["a", "a"], "at least two classes; got a"),
        (np.zeros((0, 2)), [], "got none"),
        (np.full((2, 2), np.nan), ["a", "b"], "missing or infinite"),
    ],
)
def test_cells_that_cannot_be_learnt_from_are_refused(features, labels, words):
    with pytest.raises(InputError, match=words):
        LabelledVectors(features, labels, labels)


def test_the_regularisation_follows_the_cells():
    rng = np.random.default_rng(0)
    clear, noise = toy_cells(shift=8), rng.normal(size=(240, 60))
    assert fit(clear, PURPOSE).metrics["regularisation"] > 0.1
    assert fit(LabelledVectors(noise, clear.labels, clear.groups), PURPOSE).metrics["regularisation"] == STRENGTHS[0]


def test_held_out_probabilities_are_those_the_figures_are_made_of():
    data = toy_cells()
    head, held_out = fit_and_hold_out(data, PURPOSE)
    np.testing.assert_allclose(held_out.probabilities.sum(axis=1), 1)
    figures = measure_calls(held_out.probabilities, data.codes, data.classes, head.positive)
    assert {name: head.metrics[name] for name in figures} == figures
    for group in set(data.groups):
        assert len(set(held_out.fold_of[np.asarray(data.groups) == group])) == 1


FOLDS = np.array([int(group.removeprefix("slide ")) % 3 for group in toy_cells().groups])


def test_held_out_scores_do_not_depend_on_the_classes_of_their_own_fold():
    """Whatever a person says of the cells of one fold, a head that has not seen them scores them alike."""
    data = toy_cells(shift=1.0)
    rows = FOLDS == 0
    other = np.asarray(data.labels, dtype=object)
    other[rows] = other[rows][::-1]
    changed = LabelledVectors(data.features, other.tolist(), data.groups)
    before, after = (hold_out(cells, PURPOSE, FOLDS, seed=0) for cells in (data, changed))
    np.testing.assert_array_equal(before.scores[rows], after.scores[rows])
    np.testing.assert_array_equal(before.distances[rows], after.distances[rows])
    assert not np.allclose(before.scores[~rows], after.scores[~rows])


def test_held_out_scores_do_not_depend_on_other_cells_of_their_fold():
    data = toy_cells(shift=1.0)
    features = data.features.copy()
    features[np.flatnonzero(FOLDS == 1)[5:]] += 100
    moved = LabelledVectors(features, data.labels, data.groups)
    rows = np.flatnonzero(FOLDS == 1)[:5]
    before, after = (hold_out(cells, PURPOSE, FOLDS, seed=0).scores[rows] for cells in (data, moved))
    np.testing.assert_array_equal(before, after)


def test_the_order_of_cells_does_not_matter():
    data = toy_cells(shift=1.0)
    order = np.random.default_rng(0).permutation(len(data.labels))
    shuffled = LabelledVectors(
        data.features[order], [data.labels[row] for row in order], [data.groups[row] for row in order]
    )
    before = hold_out(data, PURPOSE, FOLDS, seed=0).probabilities[order]
    after = hold_out(shuffled, PURPOSE, FOLDS[order], seed=0).probabilities
    np.testing.assert_allclose(after, before, atol=2e-3)


def test_a_subset_keeps_what_belongs_together():
    data = toy_cells()
    rows = np.asarray(data.groups) == "slide 2"
    some = data.subset(rows)
    np.testing.assert_array_equal(some.features, data.features[rows])
    assert set(some.groups) == {"slide 2"}
    assert some.labels == [label for label, row in zip(data.labels, rows, strict=True) if row]


def test_the_head_carries_what_it_was_specified_with():
    spec = HeadSpec("mine", ENCODER, "A sentence.", training={"seed": 4}, positive="normal")
    head = fit(toy_cells(), spec)
    assert (head.name, head.encoder, head.trained_on, head.positive) == ("mine", ENCODER, "A sentence.", "normal")
    assert head.training == {"seed": 4}
    assert (head.crop, head.preprocess, head.reads) == (spec.crop, spec.preprocess, spec.reads)
