import pytest
from streamlit.testing.v1 import AppTest

from cellapp.ui.components.messages import capital, escape
from tests.pages.seeding import HOSTILE_NAME


def test_escaping_keeps_every_letter_and_disarms_every_mark():
    marked = escape(HOSTILE_NAME)
    assert marked.replace("\\", "") == HOSTILE_NAME.replace("\\", "")
    for sign in "<>*_`$[":
        assert marked.count(sign) == marked.count("\\" + sign)


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
    assert "no such channel" in app.error[0].value
    assert "index 3" in app.code[0].value


@pytest.mark.parametrize(
    ("text", "shown"),
    [("images", "Images"), ("groups by dose_uM", "Groups by dose_uM"), ("siRNA", "siRNA"), ("MCF7", "MCF7"), ("", "")],
)
def test_names_keep_their_spelling(text, shown):
    assert capital(text) == shown
