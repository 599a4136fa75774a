"""Resampling and soft labels: counts are those of imbalanced-learn, and held-out cells stay as they are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imblearn import over_sampling, under_sampling
from scipy.special import log_softmax

from cellapp.errors import InputError
from cellapp.training.classifier import resampling
from cellapp.training.classifier.cross_validation import LabelledVectors, fit_and_hold_out, hold_out
from cellapp.training.classifier.logistic_regression import fit_logistic, per_class
from cellapp.training.classifier.resampling import Balance, resample_rows, training_rows
from tests.classification.heads import PURPOSE, toy_cells

OURS = {
    "over": over_sampling.RandomOverSampler(random_state=3),
    "under": under_sampling.RandomUnderSampler(random_state=3),
    "enn": under_sampling.EditedNearestNeighbours(n_neighbors=3),
    "tomek": under_sampling.TomekLinks(),
    "smote": over_sampling.BorderlineSMOTE(random_state=3, k_neighbors=5, m_neighbors=10, kind="borderline-1"),
}


def uneven(numbers=(60, 20, 9), seed=0, distance=1.0):
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(len(numbers)), numbers)
    return rng.normal(size=(len(codes), 4)) + distance * codes[:, None], codes


@pytest.mark.parametrize("how", OURS)
@pytest.mark.parametrize("seed", [0, 1])
def test_counts_are_those_of_imbalanced_learn(how, seed):
    features, codes = uneven(seed=seed)
    rows, resampled = resample_rows(features, codes, how, seed=3)
    expected_rows, expected = OURS[how].fit_resample(features, codes)
    np.testing.assert_array_equal(resampled, expected)
    np.testing.assert_array_equal(rows, expected_rows)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(8, 40), min_size=2, max_size=4), st.integers(0, 99))
def test_random_samples_are_even_and_made_of_cells_of_their_class(numbers, seed):
    features, codes = uneven(tuple(numbers), seed)
    of_class = [set(map(tuple, features[codes == k])) for k in range(len(numbers))]
    for how, n in (("over", max(numbers)), ("under", min(numbers))):
        rows, resampled = resample_rows(features, codes, how, seed=seed)
        assert np.bincount(resampled).tolist() == [n] * len(numbers)
        assert all(tuple(row) in of_class[code] for row, code in zip(rows, resampled, strict=True))


@pytest.mark.parametrize(("numbers", "words"), [((20, 1), "Borderline-SMOTE"), ((1, 20), "Borderline-SMOTE")])
def test_a_single_cell_has_no_neighbour_of_its_class(numbers, words):
    with pytest.raises(InputError, match=f"{words}.*choose --resample over"):
        resample_rows(*uneven(numbers), "smote", seed=0)


def test_a_class_that_would_lose_all_its_cells_is_named():
    features = np.array([[0.0], [1.0], [0.01], [0.02], [1.01], [1.02], [0.03]])
    codes = np.array([0, 0, 1, 1, 1, 1, 2])
    with pytest.raises(InputError, match="enn leaves no cell of a class"):
        resample_rows(features, codes, "enn", seed=0)


@pytest.mark.parametrize("how", OURS)
def test_only_training_parts_are_resampled(how, monkeypatch):
    """Rows of the held-out fold never come to the sampler, and each gets one score."""
    data, seen = toy_cells(n_groups=6, per_group=20), []
    fold_of = np.array([int(group.removeprefix("slide ")) % 3 for group in data.groups])
    real = resampling.resample_rows

    def watched(features, codes, name, *, seed):
        seen.append(len(codes))
        return real(features, codes, name, seed=seed)

    monkeypatch.setattr(resampling, "resample_rows", watched)
    held_out = hold_out(data, PURPOSE, fold_of, seed=0, balance=Balance(how))
    assert seen == [(fold_of != fold).sum() for fold in range(3)]
    assert held_out.probabilities.shape == (len(data.features), 2)

    moved = data.features.copy()
    moved[fold_of == 0] += 100.0
    again = hold_out(LabelledVectors(moved, data.labels, data.groups), PURPOSE, fold_of, seed=0, balance=Balance(how))
    only = fold_of != 0
    assert not np.allclose(again.scores[only], held_out.scores[only])  # they are training cells of the others
    np.testing.assert_allclose(again.fold_of, held_out.fold_of)


def test_weights_make_classes_count_alike():
    features, codes = uneven((90, 10), distance=0.8)
    plain, weighted = (fit_logistic(features, codes, 1.0, Balance(class_weights=on)) for on in (False, True))
    recall = [(model.predict(features)[codes == 1] == 1).mean() for model in (plain, weighted)]
    assert recall[1] > recall[0]
    _, _, weights = training_rows(features, codes, Balance(class_weights=True))
    np.testing.assert_allclose(np.bincount(codes, weights), [50, 50])


def test_the_loss_of_a_mixture_is_the_cross_entropy_of_its_shares():
    """The fitted weights have no slope left in the loss that is written out from the shares."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(60, 3))
    shares = np.concatenate([np.eye(2)[np.arange(40) % 2], np.tile([1 / 3, 2 / 3], (20, 1))])
    features[:, 0] += 2 * shares[:, 1]
    scaler, regression = fit_logistic(features, shares, 1.0)
    rows = scaler.transform(features)

    def loss(step):
        weight, bias = regression.coef_[0] + step[:3], regression.intercept_ + step[3]
        said = log_softmax(per_class((rows @ weight + bias)[None]).T, axis=1)
        return -(shares * said).sum() + (weight**2).sum() / 2

    for axis in np.eye(4) * 1e-4:
        assert abs(loss(axis) - loss(-axis)) / 2e-4 < 0.02


def test_mixtures_train_and_are_measured_by_their_shares():
    pure, rng = toy_cells(n_groups=6, per_group=20, shift=4), np.random.default_rng(1)
    fields = rng.normal(size=(20, 8))
    fields[:, 0] += 4 * 2 / 3
    labels = [*pure.labels, *["cancer:normal=1:2"] * 20]
    groups = [*pure.groups, *[f"mixed {k % 4}" for k in range(20)]]
    data = LabelledVectors(np.concatenate([pure.features, fields]), labels, groups)
    assert data.classes == ("cancer", "normal")
    assert data.pure.sum() == 120
    head, held_out = fit_and_hold_out(data, PURPOSE, folds=3)
    assert head.metrics["n"] == 120
    for group in set(groups):
        assert len(set(held_out.fold_of[np.asarray(groups) == group])) == 1
    said = held_out.probabilities[~data.pure].mean(axis=0)
    hard = fit_and_hold_out(pure, PURPOSE, folds=3)[0].probabilities(fields).mean(axis=0)
    assert abs(said[0] - 1 / 3) < abs(hard[0] - 1 / 3)
