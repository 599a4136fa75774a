"""Doses as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cellapp.errors import InputError
from cellapp.population.doses import Dose, parse_dose


@pytest.mark.parametrize(
    ("text", "unit", "dose"),
    [
        ("10 µM", "", Dose(10, "µM")),
        ("10uM", "", Dose(10, "µM")),
        ("10 \u03bcM", "", Dose(10, "µM")),  # the Greek letter
        ("1000 nM", "", Dose(1, "µM")),
        ("0,5", "mM", Dose(500, "µM")),
        (".5", "mM", Dose(500, "µM")),
        ("1e-3", "", Dose(0.001)),
        ("250 ng/mL", "", Dose(0.25, "µg/ml")),
        ("2 %", "", Dose(2, "%")),
        ("3 Gy", "", Dose(3, "Gy")),
        ("0", "", Dose(0)),
        ("", "µM", None),
        (" ", "", None),
    ],
)
def test_a_dose_is_read_in_one_unit(text, unit, dose):
    assert parse_dose(text, unit) == dose


@pytest.mark.parametrize("text", ["much", "-1", "nan", "inf", "--", "1e999"])
def test_what_is_no_dose_is_refused(text):
    with pytest.raises(InputError, match="no dose"):
        parse_dose(text)


def test_two_units_are_refused():
    with pytest.raises(InputError, match="a unit other than 'nM'"):
        parse_dose("10 µM", "nM")


@given(st.floats(1e-6, 1e6))
def test_units_of_one_kind_give_the_same_number(value):
    micro, nano = parse_dose(f"{value!r} µM"), parse_dose(f"{value * 1000!r} nM")
    assert micro.value == pytest.approx(nano.value)
    assert micro.unit == nano.unit == "µM"
