"""Figures of explained cells say what a reader must know, on one scale."""

import xml.etree.ElementTree as ElementTree

import numpy as np

from cellapp.explanation.mean_map import mean_map
from cellapp.pipeline.cell_figures import (
    CELL_COLOUR,
    NUCLEUS_COLOUR,
    ShownCell,
    cell_outlines,
    gallery,
    mean_maps_figure,
    one_cell,
    side_by_side,
)
from cellapp.pipeline.encoder_crops import RawCrop
from cellapp.settings import ExplainSettings

HOW, OTHER = ExplainSettings(), ExplainSettings(method="gradcam", layer=1)


def shown(cell_id=1, p=0.91, given="", seed=0):
    inside = np.zeros((24, 24), bool)
    inside[4:20, 4:20] = True
    core = np.hypot(*(np.mgrid[:24, :24] - 12)) < 4
    values = np.random.default_rng(seed).normal(size=(4, 4))
    outlines = cell_outlines(RawCrop(np.ones((1, 24, 24), np.uint16), inside, core))
    return ShownCell(cell_id, "cancer", p, np.full((24, 24, 3), 50, np.uint8), outlines, values, 2.31, given)


def words(figure):
    tree = ElementTree.fromstring(figure.svg())
    return ["".join(node.itertext()) for node in tree.iter("{http://www.w3.org/2000/svg}text")]


def test_a_caption_has_method_layer_class_logit_and_probability():
    said = " | ".join(words(one_cell(shown(), {}, OTHER, "cancer", limit=0.4)))
    for part in ("Grad-CAM at the last block", "(blue) cancer", "logit +2.31", "p(cancer) 0.91", "cell 1", "0.4 logit"):
        assert part in said


def test_cell_and_nucleus_have_outlines_where_a_nucleus_was_found():
    colours = [colour for _, colour in shown().outlines]
    assert colours == [CELL_COLOUR, NUCLEUS_COLOUR]
    for none in (None, np.zeros((8, 8), bool)):
        crop = RawCrop(np.zeros((1, 8, 8), np.uint16), np.ones((8, 8), bool), none)
        assert [colour for _, colour in cell_outlines(crop)] == [CELL_COLOUR]


def test_several_channels_are_drawn_alone():
    alone = {name: np.zeros((24, 24, 3), np.uint8) for name in ("actin", "DAPI", "tubulin", "golgi")}
    figure = one_cell(shown(), alone, HOW, "cancer", limit=0.4)
    assert [panel.title for row in figure.rows[1:] for panel in row] == list(alone)
    assert len(one_cell(shown(), dict(list(alone.items())[:1]), HOW, "cancer", limit=0.4).rows) == 1


def test_a_wrong_cell_is_named_by_its_label_and_an_unknown_probability_is_left_out():
    said = words(gallery([shown(7, p=None, given="normal")], HOW, "cancer", limit=1, title="Wrong"))
    assert "cell 7: is normal" in said
    assert "logit +2.31" in said
    assert any(line.startswith("Wrong. HiResCAM, exact") for line in said)


def test_two_ways_share_the_scale_and_each_row_says_how_it_was_made():
    cells = [shown(i, seed=i) for i in range(3)]
    figure = side_by_side([(cells, HOW, ""), (cells, OTHER, "mine")], "cancer", limit=2.5)
    assert [len(row) for row in figure.rows] == [3, 3, 3]
    assert figure.note[0].startswith("Row 2: HiResCAM, exact:")
    assert figure.note[1].startswith("Row 3: Grad-CAM at the last block of head mine:")
    assert figure.limit == 2.5


def test_mean_maps_share_a_scale_of_their_own_and_say_how_many_cells_they_are_of():
    inside = np.ones((16, 16), bool)
    means = {name: mean_map([np.full((4, 4), value)] * 3, [inside] * 3) for name, value in (("a", 1.0), ("b", -2.0))}
    figure = mean_maps_figure(means, "a", method="HiResCAM, exact")
    assert figure.limit == np.abs(means["b"].values).max()
    assert words(figure).count("mean of 3 cells") == 2
