"""Batch effects: learnt from training parts only, part of the head, and worth something where batches differ."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.errors import InputError
from cellapp.evaluation.control_axes import Correction
from cellapp.training.classifier.batch_effects import (
    BatchEffects,
    batch_report,
    batch_share,
    fit_correction,
)
from cellapp.training.classifier.cross_validation import LabelledVectors, fit_and_hold_out, hold_out
from cellapp.training.classifier.fit_head import FitOptions, fit_head
from tests.classification.heads import PURPOSE

SCALE, CONTROLS = BatchEffects("scale"), BatchEffects("controls", "normal")


def batches(n_batches=12, per_batch=30, *, n_features=12, shift=1.2, drift=3.0, seed=0):
    """Two classes in every batch that differ in feature 0; batches differ in the features from 6 on, and a bit in 0."""
    rng = np.random.default_rng(seed)
    codes = np.tile([0, 1], n_batches * per_batch // 2)
    batch = np.repeat(np.arange(n_batches), per_batch)
    features = rng.normal(size=(len(codes), n_features))
    features[:, 0] += shift * codes
    nuisance = rng.normal(size=n_batches)
    features[:, 6:] += drift * nuisance[batch][:, None]
    features[:, 0] += 0.5 * nuisance[batch]
    return LabelledVectors(features, [("cancer", "normal")[c] for c in codes], [f"plate {b:02d}" for b in batch])


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 6), st.integers(0, 99))
def test_weights_pulled_back_say_the_same(n_axes, seed):
    rng = np.random.default_rng(seed)
    axes = np.linalg.qr(rng.normal(size=(6, n_axes)))[0].T
    correction = Correction(rng.normal(size=6), rng.uniform(0.5, 2, 6), axes, rng.uniform(0, 1, n_axes))
    features, weights = rng.normal(size=(9, 6)), rng.normal(size=(2, 6))
    expected = correction.apply(features) @ weights.T
    plain = (features - correction.shift) / correction.std
    np.testing.assert_allclose(plain @ correction.pull_back(weights).T, expected, atol=1e-10)


@pytest.mark.parametrize("effects", [SCALE, CONTROLS])
def test_training_batches_differ_less_after(effects):
    data = batches()
    before = batch_share(data.features, data.codes, data.group_names)
    after = batch_share(fit_correction(data, effects)[1], data.codes, data.group_names)
    assert after < 0.6 * before


def test_scaled_batches_have_mean_0_and_deviation_1():
    data = batches()
    _, features = fit_correction(data, SCALE)
    for batch in set(data.groups):
        rows = features[data.group_names == batch]
        np.testing.assert_allclose(rows.mean(axis=0), 0, atol=1e-9)
        np.testing.assert_allclose(rows.std(axis=0), 1, atol=1e-9)
    by_controls = fit_correction(data, BatchEffects("scale", "normal"))[1]
    rows = by_controls[(data.group_names == "plate 03") & (np.asarray(data.labels) == "normal")]
    np.testing.assert_allclose(rows.mean(axis=0), 0, atol=1e-9)


def test_share_between_batches_is_0_of_one_batch_and_1_of_flat_ones():
    rng = np.random.default_rng(0)
    assert batch_share(rng.normal(size=(20, 3)), np.zeros(20, int), np.full(20, "a")) == pytest.approx(0)
    flat = np.repeat(rng.normal(size=(4, 3)), 5, axis=0)
    assert batch_share(flat, np.zeros(20, int), np.repeat(list("abcd"), 5)) == pytest.approx(1)


@pytest.mark.parametrize("effects", [SCALE, CONTROLS])
def test_held_out_cells_are_never_read(effects):
    """Whatever the cells of a fold are, and of which batch, their own head is the same."""
    data = batches(per_batch=20)
    fold_of = np.array([int(group[-2:]) % 3 for group in data.groups])
    rows = fold_of == 0
    moved = data.features.copy()
    moved[rows] = moved[rows] * 7 + 100
    changed = LabelledVectors(moved, data.labels, data.groups)
    heads = [fit_head(one.subset(~rows), PURPOSE, FitOptions(effects=effects))[0] for one in (data, changed)]
    np.testing.assert_array_equal(heads[0].weight, heads[1].weight)
    said = [hold_out(one, PURPOSE, fold_of, seed=0, effects=effects) for one in (data, changed)]
    np.testing.assert_allclose(said[0].scores[rows], heads[0].scores(data.features[rows]), rtol=1e-6)
    assert not np.allclose(said[0].scores[~rows], said[1].scores[~rows])


def test_the_head_itself_corrects():
    """Scores of raw vectors by the head are those of corrected vectors by what was fitted to them."""
    data = batches()
    head, _ = fit_head(data, PURPOSE, FitOptions(effects=CONTROLS))
    correction, corrected = fit_correction(data, CONTROLS)
    np.testing.assert_allclose(head.mean, correction.shift, rtol=1e-5)
    plain, _ = fit_head(LabelledVectors(corrected, data.labels, data.groups), PURPOSE, FitOptions())
    np.testing.assert_allclose(head.scores(data.features), plain.scores(corrected), atol=1e-3)


def test_before_and_after_are_reported():
    data = batches(drift=6.0, n_batches=8)
    before, without = fit_and_hold_out(data, PURPOSE, folds=4)
    head, held_out = fit_and_hold_out(data, PURPOSE, folds=4, effects=CONTROLS)
    report = batch_report(data, CONTROLS, without.probabilities, held_out.probabilities, head.positive)
    assert report["n_batches"] == 8
    assert report["after"]["batch_share"] < report["before"]["batch_share"]
    assert report["after"]["auc"] == head.metrics["auc"]
    assert report["before"]["auc"] == before.metrics["auc"]
    assert report["after"]["auc"] > report["before"]["auc"] - 0.03


@pytest.mark.parametrize(
    ("effects", "groups", "message"),
    [
        (SCALE, "by class", "would take the classes out, too; name with --control"),
        (BatchEffects("controls"), None, "none is named; name one of cancer, normal"),
        (BatchEffects("controls", "dmso"), None, "'dmso' is no class"),
        (BatchEffects("scale", "normal"), "each", "no batch has two control cells"),
    ],
)
def test_batches_that_cannot_be_corrected_are_refused(effects, groups, message):
    data = batches(n_batches=4, per_batch=20)
    named = {"by class": list(data.labels), "each": [str(k) for k in range(80)], None: data.groups}[groups]
    with pytest.raises(InputError, match=message):
        fit_correction(LabelledVectors(data.features, data.labels, named), effects)


def test_too_few_controls_are_refused():
    data = batches(n_batches=2, per_batch=8)
    with pytest.raises(InputError, match="at least 10 control cells.*has 8"):
        fit_correction(data, CONTROLS)
