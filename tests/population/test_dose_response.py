"""Curves through doses: the dose of half the effect is found where there is one, and else not claimed."""

import numpy as np
import pytest

from cellapp.population.dose_response import fit_dose_response

DOSES = np.array([0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30])


def plate(ec50, *, end=-0.4, slope=1.2, n=3, n_controls=12, noise=0.03, seed=0, doses=DOSES):
    """Doses, values and plates of wells with this dose of half the effect; None has no response."""
    rng = np.random.default_rng(seed)
    given = np.concatenate([np.zeros(n_controls), np.repeat(doses, n)])
    with np.errstate(divide="ignore"):
        effect = np.zeros(len(given)) if ec50 is None else end / (1 + (ec50 / given) ** slope)
    return given, effect + rng.normal(0, noise, len(given)), np.full(len(given), "p")


@pytest.mark.parametrize("ec50", [0.1, 0.7, 4])
def test_the_interval_holds_the_dose_of_half_the_effect_as_often_as_it_says(ec50):
    fits = [fit_dose_response(*plate(ec50, seed=seed), draws=99) for seed in range(60)]
    held = sum(fit.ec50_low <= ec50 <= fit.ec50_high for fit in fits)
    assert held >= 51  # 57 of 60 are expected; fewer than 51 happen once in two thousand times
    assert np.median([fit.ec50 for fit in fits]) == pytest.approx(ec50, rel=0.15)
    assert all(fit.inside and fit.p == 0.01 for fit in fits)
    assert np.median([fit.end - fit.start for fit in fits]) == pytest.approx(-0.4, rel=0.1)


def test_without_a_response_p_values_are_even():
    p = [fit_dose_response(*plate(None, seed=seed, n=2), draws=199, seed=seed).p for seed in range(200)]
    assert 1 <= np.sum(np.array(p) <= 0.05) <= 24  # 10 are expected
    assert 0.35 < np.median(p) < 0.65


def test_without_noise_the_curve_is_the_one_that_was_drawn():
    doses, values, plates = plate(0.7, noise=0)
    fit = fit_dose_response(doses, values, plates, draws=99)
    assert (fit.ec50, fit.slope, fit.start, fit.end) == pytest.approx((0.7, 1.2, 0, -0.4), rel=2e-3, abs=2e-4)
    np.testing.assert_allclose(fit.at(doses), values, atol=1e-3)


def test_another_unit_scales_the_dose_of_half_the_effect():
    doses, values, plates = plate(0.7)
    micro, nano = (fit_dose_response(doses * k, values, plates, draws=99) for k in (1, 1000))
    assert nano.ec50 == pytest.approx(1000 * micro.ec50, rel=1e-3)
    assert (nano.p, nano.slope) == pytest.approx((micro.p, micro.slope), rel=1e-2)


def test_half_an_effect_beyond_the_doses_is_not_inside():
    fit = fit_dose_response(*plate(300, end=-0.8), draws=99)
    assert not fit.inside


@pytest.mark.parametrize(
    "wells",
    [
        plate(0.7, doses=DOSES[:3]),  # too few doses
        plate(0.7, n=1, n_controls=0, doses=DOSES[:5]),  # too few wells
        tuple(part if k != 1 else np.zeros(len(part)) for k, part in enumerate(plate(0.7))),  # all alike
    ],
    ids=["doses", "wells", "alike"],
)
def test_too_little_gives_no_curve(wells):
    assert fit_dose_response(*wells, draws=99) is None


def test_wells_are_dealt_within_their_plate_only():
    """A plate that lies lower and has the high doses is no response to the dose."""
    rng = np.random.default_rng(0)
    doses, plates = np.repeat([0.01, 0.1, 1.0, 10.0], 6), np.repeat(["low", "high"], 12)
    values = np.where(plates == "low", 0.0, -1.0) + rng.normal(0, 0.05, len(doses))
    assert fit_dose_response(doses, values, plates, draws=999).p > 0.05
