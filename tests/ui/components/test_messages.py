import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from cellapp.ui.components.messages import capital, escape, signed
from tests.pages.seeding import HOSTILE_NAME


def test_escaping_keeps_every_letter_and_disarms_every_mark():
    marked = escape(HOSTILE_NAME)
    assert marked.replace("\\", "") == HOSTILE_NAME.replace("\\", "")
    for sign in "<>*_`$[":
        assert marked.count(sign) == marked.count("\\" + sign)


@given(value=st.floats(-1e6, 1e6), digits=st.integers(0, 2))
def test_a_change_has_a_sign_where_it_is_one_after_rounding(value, digits):
    said = signed(value, digits)
    number = float(said.replace("\N{MINUS SIGN}", "-").replace(",", ""))
    assert number == pytest.approx(value, abs=0.5 * 10**-digits * 1.0001)
    assert said[0] in "+\N{MINUS SIGN}" if number else said[0] == "0"


def test_newlines_cannot_start_a_block():
    assert "\n" not in escape("a\n# b\n\n- c")


def test_an_error_is_one_sentence_with_its_cause_folded():
    def page():
        from cellapp.errors import InputError
        from cellapp.ui.components.messages import show_error

        try:
            raise InputError("no such channel; choose 1 or 2") from ValueError("index 3")
        except InputError as error:
            show_error(error)

    app = AppTest.from_function(page).run()
    assert len(app.error) == 1
    assert app.error[0].value == "No such channel; choose 1 or 2\\."
    assert "index 3" in app.code[0].value


@pytest.mark.parametrize(
    ("text", "shown"),
    [("images", "Images"), ("groups by dose_uM", "Groups by dose_uM"), ("siRNA", "siRNA"), ("MCF7", "MCF7"), ("", "")],
)
def test_names_keep_their_spelling(text, shown):
    assert capital(text) == shown
