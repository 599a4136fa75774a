"""Effects of treatments on wells: right where they are known, and rare where there are none."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, t, ttest_ind

from cellapp.population.effects import adjusted, effects
from tests.population.plates import draw_wells


@pytest.mark.parametrize("n", [1, 2, 3, 6])
@pytest.mark.parametrize("plates", [("",), ("p1", "p2")], ids=len)
def test_without_an_effect_p_values_are_even_and_intervals_hold_nothing(n, plates):
    """Of 600 treatments without an effect 5 % are below 0.05, and as many intervals miss 0, within chance."""
    p, held = [], []
    for seed in range(60):
        table = effects(draw_wells({(f"t{k}", np.nan): (0.0, n) for k in range(10)}, plates=plates, seed=seed))
        p += table["p"].tolist()
        held += ((table["low"] <= 0) & (table["high"] >= 0)).tolist()
    # treatments of a plate share its controls, so that their p-values go together: wider than independent ones
    low, high = binom.interval(0.99999, 600, 0.05)
    assert low - 10 <= np.sum(np.array(p) < 0.05) <= high + 10
    assert np.mean(np.array(p) < 0.05) == pytest.approx(1 - np.mean(held), abs=1e-9)
    assert 0.4 < np.median(p) < 0.6
    assert np.sum(np.array(p) < 0.001) <= 6  # 0.6 are expected; Welch's test gives more with three wells


@pytest.mark.parametrize("n", [2, 3, 6])
def test_wells_of_one_plate_are_compared_by_students_test(n):
    wells = draw_wells({("drug", 1.0): (-0.1, n)})
    (row,) = effects(wells).to_dict("records")
    treated, controls = (wells.loc[wells["treatment"] == name, "value"] for name in ("drug", "DMSO"))
    expected = ttest_ind(treated, controls)
    assert row["p"] == pytest.approx(expected.pvalue)
    assert (row["low"], row["high"]) == pytest.approx(tuple(expected.confidence_interval(0.95)))


def test_one_well_is_held_against_what_a_further_control_would_be():
    wells = draw_wells({("drug", 1.0): (-0.1, 1)})
    (row,) = effects(wells).to_dict("records")
    controls = wells.loc[wells["treatment"] == "DMSO", "value"]
    error = controls.std() * (1 + 1 / len(controls)) ** 0.5
    difference = wells["value"].iloc[-1] - controls.mean()
    assert row["p"] == pytest.approx(2 * t.sf(abs(difference) / error, len(controls) - 1))


def test_wells_that_differ_more_than_controls_are_told():
    wells = draw_wells({("drug", 1.0): (-0.1, 4), ("calm", 1.0): (-0.1, 4)})
    wells.loc[wells["treatment"] == "drug", "value"] += [0.3, -0.3, 0.2, -0.2]
    assert effects(wells).set_index("treatment")["uneven"].to_dict() == {"drug": True, "calm": False}


@given(st.floats(-5, 5), st.floats(-5, 5))
def test_a_shift_of_a_whole_plate_changes_nothing(first, second):
    wells = draw_wells({("a", 1.0): (-0.2, 2), ("b", 2.0): (0.1, 1)}, plates=("p1", "p2"))
    moved = wells.assign(value=wells["value"] + wells["plate"].map({"p1": first, "p2": second}))
    columns = ["effect", "low", "high", "p", "q", "z"]
    np.testing.assert_allclose(effects(moved)[columns], effects(wells)[columns], rtol=1e-6, atol=1e-9)


@given(st.permutations(range(20)))
def test_the_order_of_wells_changes_nothing(order):
    wells = draw_wells({("a", 1.0): (-0.2, 4), ("b", 2.0): (0.1, 8)})
    assert len(wells) == len(order)
    shuffled = effects(wells.iloc[list(order)]).sort_values("treatment", ignore_index=True)
    pd.testing.assert_frame_equal(shuffled, effects(wells), rtol=1e-9)


def test_wells_on_a_plate_without_a_control_or_without_a_value_take_no_part():
    wells = draw_wells({("a", 1.0): (-0.2, 3)}, plates=("p1", "p2"))
    without = wells[(wells["plate"] == "p1") | (wells["control"] == "")]
    (row,) = effects(without).to_dict("records")
    assert (row["n_wells"], row["n_plates"]) == (3, 1)
    assert effects(wells.assign(value=np.nan)).empty


def test_one_control_well_gives_effects_without_p_values():
    (row,) = effects(draw_wells({("a", 1.0): (-0.2, 3)}, n_controls=1)).to_dict("records")
    assert row["effect"] == pytest.approx(-0.2, abs=0.15)
    assert np.isnan([row["p"], row["q"], row["low"], row["z"]]).all()


def test_wells_that_do_not_differ_at_all_give_no_p_value():
    (row,) = effects(draw_wells({("a", 1.0): (0.0, 3)}, noise=0)).to_dict("records")
    assert row["effect"] == 0
    assert np.isnan(row["p"])


@given(st.lists(st.floats(0, 1) | st.just(np.nan), max_size=20))
def test_adjusted_p_values_are_no_smaller_and_keep_their_order(p):
    p, q = np.array(p, float), adjusted(np.array(p, float))
    known = np.isfinite(p)
    assert (np.isfinite(q) == known).all()
    assert (q[known] >= p[known] - 1e-12).all()
    order = np.argsort(p[known])
    assert (np.diff(q[known][order]) >= -1e-12).all()
