import numpy as np
import pytest
from PIL import Image

from cellapp.exports.overlay import draw_overlay, write_overlay
from cellapp.rendering import composition as module
from cellapp.rendering.annotations import class_letters
from cellapp.rendering.colours import CLASS_COLOURS, rgb
from cellapp.rendering.composition import ImageStyle
from tests.exports.toy import HOSTILE, toy_analysis


def drawn(analysis, slide, classes=("cancer", "normal")):
    style = ImageStyle.of(slide, analysis.info.channels, analysis.roles)
    return style, draw_overlay(style, analysis.mask, analysis.cells, classes)


def test_outlines_wear_the_colour_of_the_outcome():
    analysis, slide = toy_analysis(9)
    _, picture = drawn(analysis, slide)
    row, column = analysis.cells.loc[40, ["bbox_y1_px", "bbox_x0_px"]]
    assert tuple(picture[row - 1, column]) == rgb(CLASS_COLOURS["rejected"])


@pytest.mark.parametrize("n", [0, 1])
@pytest.mark.parametrize("classes", [(), ("cancer", "normal"), (HOSTILE, "c\nlass" * 40)])
def test_zero_and_one_cell_and_any_names(tmp_path, n, classes):
    analysis, slide = toy_analysis(n, classes=classes)
    style = ImageStyle.of(slide, analysis.info.channels, analysis.roles)
    path = write_overlay(style, analysis.mask, analysis.cells, tmp_path / "overlay.png", classes=classes)
    with Image.open(path) as picture:
        assert picture.width == 160
        assert picture.height > 120, "no legend"


def test_large_image_is_shown_small_with_its_outlines_in_place(monkeypatch):
    analysis, slide = toy_analysis(9)
    monkeypatch.setattr(module, "OVERVIEW_PX", 80)
    style, picture = drawn(analysis, slide)
    assert style.overview.shape == (60, 80, 3)
    grey = rgb(CLASS_COLOURS["rejected"])
    rows, columns = np.nonzero((picture[:60] == grey).all(axis=2))
    assert rows.max() * 2 < 6
    assert columns.min() * 2 >= 150


def test_every_class_has_a_letter_of_its_own():
    letters = class_letters(["cancer", "normal", "c", "cc", "", "unsure", "rejected", "???"])
    assert len(set(letters.values())) == 8
    assert (letters["cancer"], letters["normal"], letters["unsure"]) == ("C", "N", "U")
