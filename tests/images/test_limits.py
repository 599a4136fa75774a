"""Limits are told with the number and the variable that raises them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellapp.config import AppSettings, BudgetSettings
from cellapp.errors import BudgetError
from cellapp.images.limits import check_budget, check_limit
from tests.images.slides import slide_of

INFO = slide_of(np.zeros((3, 20, 30), np.uint16)).info


@pytest.mark.parametrize(
    ("limit", "cost"), [("max_pixels", 600), ("max_bytes", 3600), ("max_channels", 3), ("max_file_bytes", 3600)]
)
def test_each_limit_holds_exactly(limit, cost):
    check_budget(INFO, BudgetSettings(**{limit: cost}))
    with pytest.raises(BudgetError, match=f"CELLAPP_BUDGET__{limit.upper()}=") as refused:
        check_budget(INFO, BudgetSettings(**{limit: cost - 1}))
    assert f"{cost:,}" in str(refused.value)
    assert f"{cost - 1:,}" in str(refused.value)


@given(cost=st.integers(2, 10**14))
def test_the_value_to_copy_is_enough_and_not_much_more(cost):
    with pytest.raises(BudgetError) as refused:
        check_limit(cost, "max_pixels", BudgetSettings(max_pixels=1), "it")
    value = int(str(refused.value).rsplit("=", 1)[1])
    assert cost < value <= cost * 1.2 + 1


def test_the_variable_is_one_that_the_program_reads(monkeypatch):
    monkeypatch.setenv("CELLAPP_BUDGET__MAX_PIXELS", "5")
    with pytest.raises(BudgetError):
        check_budget(INFO, AppSettings().budget)


def test_a_slide_that_fits_nothing_is_refused_once():
    with pytest.raises(BudgetError) as refused:
        check_budget(replace(INFO, shape=(99, 10**6, 10**6)), BudgetSettings())
    assert "\n" not in str(refused.value)
