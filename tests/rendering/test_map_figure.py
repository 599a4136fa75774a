"""Figures for print."""

import xml.etree.ElementTree as ElementTree
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from cellapp.rendering.annotations import signed_colours
from cellapp.rendering.map_figure import MapFigure, Panel, in_rows, panel_pixels
from cellapp.rendering.signed_maps import MapStyle

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "a $x^2$ <script>&"


def figure(n=3, limit=0.5, **style):
    picture, values = np.full((24, 24, 3), 60, np.uint8), np.linspace(-0.5, 0.5, 16).reshape(4, 4)
    inside = np.zeros((24, 24), bool)
    inside[6:18, 4:20] = True
    panel = Panel(picture, values, ((inside, "#FFFFFF"),), HOSTILE, ("logit +2.31", "p 0.91"))
    return MapFigure(in_rows([panel] * n, 2), limit, (f"note {HOSTILE}",), style=MapStyle(**style))


def test_words_are_text_outlines_are_paths_and_equal_content_gives_equal_bytes():
    svg = figure().svg()
    assert svg == figure().svg()
    tree = ElementTree.fromstring(svg)
    words = ["".join(node.itertext()) for node in tree.iter(f"{SVG}text")]
    assert words.count(HOSTILE) == words.count("logit +2.31") == 3
    assert f"note {HOSTILE}" in words
    assert {"+0.5", "0", "\N{MINUS SIGN}0.5", "logit"} <= set(words)
    assert len(list(tree.iter(f"{SVG}image"))) == 3 + 1
    assert len(list(tree.iter(f"{SVG}script"))) == 0
    n_paths = len(list(tree.iter(f"{SVG}path")))
    bare = ElementTree.fromstring(figure(outlines=False).svg())
    assert n_paths - len(list(bare.iter(f"{SVG}path"))) == 3


@pytest.mark.parametrize("dpi", [150, 300])
def test_a_png_has_the_resolution_it_was_asked_for(dpi):
    picture = Image.open(BytesIO(figure().png(dpi)))
    assert picture.info["dpi"][0] == pytest.approx(dpi, abs=0.5)
    assert picture.width > 3.5 * dpi


@pytest.mark.parametrize("rows", [(), ((Panel(np.zeros((9, 5, 3), np.uint8)),),), ((Panel(values=np.zeros((2, 3))),),)])
def test_empty_plain_and_silent_figures_can_be_drawn(rows):
    assert "<svg" in MapFigure(rows, 0.0).svg()


def test_pixels_of_a_panel_are_on_the_common_scale_not_its_own():
    weak = Panel(values=np.array([[0.1, -0.1]]))
    drawn = panel_pixels(weak, 1.0, MapStyle())
    np.testing.assert_array_equal(drawn[0, 0], signed_colours(np.array(0.1), 1.0))
    np.testing.assert_array_equal(drawn[-1, -1], signed_colours(np.array(-0.1), 1.0))


def test_a_lighter_veil_shows_more_of_the_cell():
    panel = figure(1).rows[0][0]
    bare, light, heavy = (panel_pixels(panel, 0.5, MapStyle(opacity=o)).astype(int) for o in (0.0, 0.3, 0.9))
    assert (bare == 60).all()
    assert np.abs(light - 60).sum() < np.abs(heavy - 60).sum()
