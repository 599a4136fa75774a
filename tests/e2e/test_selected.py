"""A selected button is written in the letters of all text, which tests/ui/test_theme.py measures on its tint."""

import pytest
from playwright.sync_api import expect

from tests.e2e.steps import PATIENT_MS

pytestmark = pytest.mark.browser


def test_a_selected_button_has_the_colour_of_text(server, page):
    page.goto(f"{server}/models")
    chosen = page.get_by_role("radio", name="Find cells")
    expect(chosen).to_be_visible(timeout=PATIENT_MS)
    text = page.get_by_role("radio", name="Classify cells").evaluate("one => getComputedStyle(one).color")
    expect(chosen).to_have_css("color", text)
    expect(chosen.get_by_text("Find cells")).to_have_css("color", text)
