"""From calls to fractions: corrections undo the errors of a head, and intervals hold the truth."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from cellapp.cells.counts import wilson
from cellapp.errors import InputError
from cellapp.evaluation import quantification
from cellapp.evaluation.call_model import adjusted_fractions, em_fractions, fit_call_model
from cellapp.evaluation.quantification import Quantifier
from tests.evaluation.calls import random_calls


def population(fractions, n, *, skill=1.2, seed=0):
    """What a head of `random_calls` says of cells of a population with these fractions, and their true classes."""
    rng = np.random.default_rng(seed)
    codes = rng.choice(len(fractions), n, p=fractions)
    logits = rng.normal(size=(n, len(fractions)))
    logits[np.arange(n), codes] += skill
    return softmax(logits, axis=1), codes


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 5), st.integers(0, 999))
def test_adjusted_counting_is_exact_where_the_errors_are_known(k, seed):
    rng = np.random.default_rng(seed)
    rates = 0.5 * np.eye(k) + 0.5 * rng.dirichlet(np.ones(k), k)
    fractions = rng.dirichlet(np.ones(k))
    np.testing.assert_allclose(adjusted_fractions(fractions @ rates, rates), fractions, atol=1e-4)


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 4), st.integers(0, 999))
def test_estimates_are_fractions_whatever_was_counted(k, seed):
    rng = np.random.default_rng(seed)
    plain, rates = rng.dirichlet(np.ones(k)), rng.dirichlet(np.ones(k), k)
    p, prior = rng.dirichlet(np.ones(k), 20), rng.dirichlet(np.ones(k))
    for estimate in (adjusted_fractions(plain, rates), em_fractions(p, prior)):
        assert estimate.sum() == pytest.approx(1)
        assert (estimate >= 0).all()


def test_em_never_makes_the_cells_less_likely():
    """Each step of expectation maximisation raises the likelihood, so that its end is above where it set out."""
    p, prior = population([0.2, 0.8], 300)[0], np.array([0.5, 0.5])
    found = em_fractions(p, prior)
    likelihood = [np.log((p / prior) @ fractions).sum() for fractions in (prior, found)]
    nearby = [np.log((p / prior) @ (found + [d, -d])).sum() for d in (-0.02, 0.02)]
    assert likelihood[1] >= likelihood[0]
    assert likelihood[1] >= max(nearby)


@pytest.mark.parametrize("classes", [("cancer", "normal"), ("a", "b", "c")])
def test_corrections_beat_counting_when_the_fractions_shift(classes):
    quantifier = Quantifier(random_calls(skill=1.2, n_groups=20, per_group=40, classes=classes))
    errors = {method: [] for method in ("plain", "adjusted", "em")}
    for seed in range(20):
        fractions = np.random.default_rng(seed).dirichlet(np.full(len(classes), 0.6))
        cells, codes = population(fractions, 400, seed=seed + 100)
        truth = np.bincount(codes, minlength=len(classes)) / len(codes)
        for method, values in zip(errors, quantifier._fractions(cells, np.ones(400), quantifier.model), strict=True):
            errors[method].append(np.abs(values - truth).mean())
    means = {method: np.mean(values) for method, values in errors.items()}
    assert means["em"] < 0.5 * means["plain"]
    assert means["adjusted"] < 0.7 * means["plain"]


def test_offsets_undo_a_prior_that_a_head_was_not_trained_with():
    """A head fitted with class weights says even odds where one class is rare; held-out cells tell the difference."""
    p, codes = population([0.1, 0.9], 3000, seed=3)
    model = fit_call_model(codes, p)
    assert model.calibrate(p).mean(axis=0) == pytest.approx([0.1, 0.9], abs=0.02)
    assert p.mean(axis=0)[0] > 0.2


def test_intervals_hold_the_truth(monkeypatch):
    """Of populations between none and all of a class, seen by heads with other held-out cells: at least 93 of 100."""
    monkeypatch.setattr(quantification, "DRAWS", 40)
    held = []
    for seed in range(10):
        quantifier = Quantifier(random_calls(skill=1.2, n_groups=12, per_group=20, seed=seed))
        for fraction in (0.0, 0.05, 0.3, 0.7, 1.0):
            cells, _ = population([fraction, 1 - fraction], 200, seed=1000 * seed + int(100 * fraction))
            row = quantifier.estimate([cells])["cancer"]
            assert row["low"] <= row["high"]
            held.append(row["low"] - 0.005 <= fraction <= row["high"] + 0.005)
    assert np.mean(held) >= 0.93


def test_intervals_narrow_with_cells_down_to_what_the_head_is_unsure_of(monkeypatch):
    monkeypatch.setattr(quantification, "DRAWS", 40)
    quantifier = Quantifier(random_calls(skill=1.2))
    widths = []
    for n in (30, 300, 3000):
        row = quantifier.estimate([population([0.3, 0.7], n)[0]])["cancer"]
        widths.append(row["high"] - row["low"])
    assert widths[0] > widths[1] > widths[2] > 0.02


def test_classes_are_treated_alike_and_fractions_sum_to_one(monkeypatch):
    monkeypatch.setattr(quantification, "DRAWS", 20)
    calls, (cells, _) = random_calls(skill=1.2), population([0.3, 0.7], 300)
    one = Quantifier(calls).estimate([cells])
    other = Quantifier(calls.arranged(calls.classes[::-1], calls.positive)).estimate([cells[:, ::-1]])
    for name in calls.classes:
        for key in ("plain", "adjusted", "em"):
            assert one[name][key] == pytest.approx(other[name][key], abs=1e-3)
    for key in ("plain", "adjusted", "em"):
        assert sum(row[key] for row in one.values()) == pytest.approx(1)
    both = Quantifier(calls).estimate([cells[:100], cells[100:]])
    assert both["cancer"]["em"] == pytest.approx(one["cancer"]["em"])


def test_no_cell_is_no_answer():
    rows = Quantifier(random_calls()).estimate([np.zeros((0, 2))])
    assert rows["cancer"] == {"plain": None, "adjusted": None, "em": None, "low": 0.0, "high": 1.0}


def test_heads_without_held_out_cells_of_a_class_are_refused():
    calls = random_calls()
    with pytest.raises(InputError, match="no held-out cell of class 'cancer'"):
        Quantifier(calls.subset(calls.truth == "normal"))


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 60), st.integers(0, 2))
def test_few_cells_of_one_call_leave_room_for_others(n, called):
    """A sure head that calls all of n cells one class has seen n cells, not the population."""
    quantifier = Quantifier(random_calls(skill=6, n_groups=12, per_group=30, classes=("a", "b", "c")))
    sure = np.full((n, 3), 1e-4)
    sure[:, called] = 1 - 2e-4
    fractions = quantifier.estimate([sure])
    name = "abc"[called]
    assert fractions[name]["low"] <= wilson(n, n)[0] + 0.02
    assert fractions[name]["high"] == pytest.approx(1, abs=0.02)
    other = "abc"[(called + 1) % 3]
    assert fractions[other]["high"] >= wilson(0, n)[1] - 0.02
