"""Text of both themes can be read: a contrast of at least 4.5, WCAG's level AA, as Streamlit draws the tokens."""

import tomllib

import pytest

from cellapp.config import REPOSITORY
from cellapp.ui.components.charts import ON_SHADES, SHADES
from cellapp.ui.layout.frame import SELECTED

AA = 4.5
TINT = 0.1  # share of the accent in the ground of a selected button in Streamlit
CAPTION = 0.6  # opacity of captions and icons in Streamlit
THEME = tomllib.loads((REPOSITORY / ".streamlit" / "config.toml").read_text())["theme"]
WHITE = "#FFFFFF"


def rgb(colour):
    return [int(colour[at : at + 2], 16) for at in (1, 3, 5)]


def luminance(channels):
    """Relative luminance of sRGB from 0 to 255 (WCAG 2.2)."""
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in (c / 255 for c in channels)]
    return sum(share * x for share, x in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(text, ground, opacity=1.0):
    drawn = [opacity * a + (1 - opacity) * b for a, b in zip(rgb(text), rgb(ground), strict=True)]
    low, high = sorted((luminance(drawn), luminance(rgb(ground))))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_that_of_wcag():
    assert contrast("#000000", WHITE) == pytest.approx(21)
    assert contrast("#767676", WHITE) == pytest.approx(4.54, abs=0.01)
    assert contrast(WHITE, "#767676") == contrast("#767676", WHITE)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_captions_can_be_read_on_every_ground(scheme):
    theme = THEME[scheme]
    for of in (theme, theme["sidebar"]):
        for ground in (of["backgroundColor"], of["secondaryBackgroundColor"]):
            assert contrast(theme["textColor"], ground) >= 7
        assert contrast(theme["textColor"], of["backgroundColor"], CAPTION) >= AA


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_accent_is_readable_as_text_and_below_the_white_letters_of_buttons(scheme):
    theme = THEME[scheme]
    assert contrast(theme["primaryColor"], theme["backgroundColor"]) >= AA
    assert contrast(WHITE, theme["primaryColor"]) >= AA
    assert contrast(theme["linkColor"], theme["backgroundColor"]) >= AA


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_selected_button_can_be_read_on_its_tint(scheme):
    """Streamlit would write the accent on a tint of itself, with a contrast of 4.22 in the dark."""
    rules = SELECTED.read_text()
    assert rules.count("color: inherit") == rules.count("{") == 2, "letters of the theme, in the button and within"
    theme = THEME[scheme]
    pairs = zip(rgb(theme["primaryColor"]), rgb(theme["backgroundColor"]), strict=True)
    tint = "#" + "".join(f"{round(TINT * a + (1 - TINT) * b):02X}" for a, b in pairs)
    assert contrast(theme["textColor"], tint) >= AA


@pytest.mark.parametrize("percent", range(0, 101, 10))
def test_numbers_can_be_read_on_every_shade_of_a_table_of_shares(percent):
    (_, light), (_, dark) = SHADES
    assert contrast(ON_SHADES["color"], dark, 1.0) < contrast(ON_SHADES["color"], light, 1.0)
    shade = [round(a + (b - a) * percent / 100) for a, b in zip(rgb(light), rgb(dark), strict=True)]
    assert contrast(ON_SHADES["color"], "#{:02X}{:02X}{:02X}".format(*shade)) >= AA
