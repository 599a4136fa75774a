"""Conformal sets hold the true class as often as promised, on groups that were held out."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.classification.conformal import ERROR_RATES, ConformalLimits, fit_conformal, held_out_sets
from cellapp.classification.head_io import load_head, save_head
from cellapp.classification.predict import predict, rethreshold
from cellapp.errors import InputError
from cellapp.settings import ClassifySettings
from tests.classification.heads import random_embeddings, random_head


def calls(n_groups=60, per_group=40, k=2, seed=0, share=0.5):
    """Overlapping classes on groups that differ; `share` of the first class."""
    rng = np.random.default_rng(seed)
    n = n_groups * per_group
    codes = np.where(rng.random(n) < share, 0, rng.integers(1, k, n))
    logits = rng.normal(size=(n, k)) + 1.2 * np.eye(k)[codes]
    logits += 0.3 * rng.normal(size=(n_groups, k)).repeat(per_group, axis=0)
    odds = np.exp(logits)
    return odds / odds.sum(axis=1, keepdims=True), codes, np.arange(n_groups).repeat(per_group) % 5


@pytest.mark.parametrize("rate", [0.05, 0.1, 0.2])
@pytest.mark.parametrize(("k", "share"), [(2, 0.5), (3, 0.3), (2, 0.9)])
def test_the_share_of_cells_whose_class_is_in_their_set_is_the_promise(rate, k, share):
    """Within two points on held-out groups, for all cells and for each class, however rare."""
    p, codes, folds = calls(k=k, share=share, n_groups=150)
    kept = held_out_sets(p, codes, folds, rate)[np.arange(len(codes)), codes]
    assert kept.mean() == pytest.approx(1 - rate, abs=0.02)
    for code in range(k):
        assert kept[codes == code].mean() == pytest.approx(1 - rate, abs=0.04)


@settings(max_examples=25, deadline=None)
@given(n=st.integers(0, 40), seed=st.integers(0, 99))
def test_a_smaller_error_rate_never_takes_a_class_away(n, seed):
    p, codes, _ = calls(4, 10, k=3, seed=seed)
    limits = fit_conformal(p[:n], codes[:n])
    assert (np.diff(limits.limits, axis=0) >= 0).all()
    strict, loose = (limits.possible(p, rate) for rate in (0.05, 0.3))
    assert (strict >= loose).all()


def test_a_class_of_few_cells_is_never_left_out():
    p, codes = np.array([[0.9, 0.1]] * 5), np.zeros(5, int)
    limits = fit_conformal(p, codes)
    assert limits.possible(np.array([[0.0, 1.0]]), 0.1).all()  # 5 cells cannot promise 9 of 10
    assert limits.possible(np.array([[0.0, 1.0]]), 0.5).tolist() == [[False, True]]


@settings(max_examples=30, deadline=None)
@given(rate=st.floats(0.01, 0.5))
def test_a_rate_between_two_stored_ones_keeps_the_stricter_promise(rate):
    limits = ConformalLimits(ERROR_RATES, np.arange(len(ERROR_RATES))[:, None] / 100)
    taken = int(np.flatnonzero(np.asarray(ERROR_RATES) <= rate + 1e-9)[-1])
    assert limits.possible(np.array([[taken / 100]]), rate).all()
    assert not limits.possible(np.array([[taken / 100 - 1e-6]]), rate).any()


LIMITS = ConformalLimits((0.1,), np.array([[0.3, 0.3]]))
CHOSEN = ClassifySettings(unsure="conformal")


def test_a_cell_is_sure_where_its_label_is_the_only_possible_class():
    predictions = predict(random_head(conformal=LIMITS), random_embeddings(200), CHOSEN)
    p = predictions.probabilities[:, 0]
    np.testing.assert_array_equal(predictions.unsure, (p >= 0.3) & (p <= 0.7))
    assert set(predictions.sets) == {"cancer", "normal", "cancer|normal"}
    strict = predict(random_head(conformal=ConformalLimits((0.1,), np.full((1, 2), 1.1))), random_embeddings(9), CHOSEN)
    assert strict.unsure.all()
    assert set(strict.sets) == {""}


def test_the_margin_stays_the_default_and_sets_are_written_beside_it():
    head, embeddings = random_head(), random_embeddings(50)
    with_limits = predict(replace(head, conformal=LIMITS), embeddings)
    np.testing.assert_array_equal(with_limits.unsure, predict(head, embeddings).unsure)
    assert predict(head, embeddings).sets is None
    assert len(with_limits.sets) == 50
    assert predict(replace(head, conformal=LIMITS), random_embeddings(0)).sets.shape == (0,)


def test_a_head_without_limits_refuses_in_a_sentence():
    with pytest.raises(InputError, match="no limits for unsure = 'conformal': train it again"):
        predict(random_head(), random_embeddings(3), CHOSEN)


def test_limits_are_stored_with_the_head(tmp_path):
    head = save_head(random_head(conformal=fit_conformal(*calls()[:2])), tmp_path)
    again = load_head(tmp_path)
    np.testing.assert_array_equal(again.conformal.limits, head.conformal.limits)
    assert again.conformal.error_rates == ERROR_RATES
    save_head(random_head(), tmp_path)
    assert load_head(tmp_path).conformal is None


def test_another_threshold_keeps_the_sets_and_asks_them_again():
    from cellapp.classification.cell_columns import add_predictions

    predictions = predict(random_head(conformal=LIMITS), random_embeddings(30), CHOSEN)
    cells = add_predictions(random_cells(predictions.cell_ids), predictions)
    assert list(cells.columns)[-5:] == ["margin", "set", "unsure", "unlike_training", "manual_label"]
    assert (cells["set"].iloc[-1], cells["unsure"].iloc[-1]) == ("", False)  # a rejected cell
    again = rethreshold(cells, ("cancer", "normal"), threshold=0.5, unsure_margin=0.2, by_set=True)
    np.testing.assert_array_equal(again["unsure"], cells["unsure"])
    moved = rethreshold(cells, ("cancer", "normal"), threshold=0.9, unsure_margin=0.2, by_set=True)
    called = moved["label"] != ""
    np.testing.assert_array_equal(moved["unsure"], called & (moved["set"] != moved["label"]))


def random_cells(cell_ids):
    import pandas as pd

    index = pd.Index([*cell_ids, 9999], name="cell_id")
    return pd.DataFrame({"area_px": np.ones(len(index))}, index=index)
