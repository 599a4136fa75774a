import base64
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cellapp.types import Region
from cellapp.ui import layers, viewer


def pixels_of(layer):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(layer.uri.partition(",")[2]))))


def figure():
    return layers.empty_figure(Region(10, 20, 30, 40), height=300, dragmode="pan")


def test_a_picture_reaches_the_browser_unchanged():
    pixels = np.random.default_rng(0).integers(0, 255, (7, 9, 3)).astype(np.uint8)
    np.testing.assert_array_equal(pixels_of(viewer.picture(pixels, Region(0, 0, 7, 9))), pixels)


def test_outlines_leave_everything_else_transparent():
    labels = np.zeros((20, 20), np.int32)
    labels[5:15, 5:15] = 3
    drawn = pixels_of(viewer.outlines(labels, Region(0, 0, 20, 20), {3: "#D55E00"}))
    inside = drawn[..., 3] > 0
    assert inside[5, 5:15].all()
    assert not inside[7:13, 7:13].any()
    assert not inside[labels == 0].any()
    assert (drawn[5, 5, :3] == (0xD5, 0x5E, 0x00)).all()


def test_no_cells_give_an_empty_layer():
    assert not pixels_of(viewer.outlines(np.zeros((4, 4), np.int32), Region(0, 0, 4, 4), "#FFFFFF")).any()


def test_axes_run_along_rows_and_columns_of_the_full_image():
    drawn = figure()
    assert tuple(drawn.layout.xaxis.range) == (20, 60)
    assert tuple(drawn.layout.yaxis.range) == (40, 10)


def test_layers_of_one_place_are_told_apart():
    drawn, layer = figure(), layers.Layer("data:,", Region(10, 20, 30, 40))
    layers.add_picture(drawn, layer)
    layers.add_picture(drawn, layer, 0.5)
    places = {(image.x, image.y, image.sizex) for image in drawn.layout.images}
    assert len(places) == 2


@given(width=st.integers(1, 100_000), um=st.none() | st.floats(0.01, 10))
def test_the_scale_bar_is_round_and_fits(width, um):
    drawn = layers.empty_figure(Region(0, 0, width, width), height=300, dragmode="pan")
    layers.add_scale_bar(drawn, Region(0, 0, width, width), um)
    bar, words = drawn.layout.shapes[0], drawn.layout.annotations[0].text
    length = float(words.split()[0].replace(",", ""))
    assert words.endswith("µm" if um else "px")
    assert (bar.x1 - bar.x0) * (um or 1) == pytest.approx(length, rel=1e-6)
    assert length == 1 or bar.x1 - bar.x0 <= width / 5 * 1.000001


def test_a_box_becomes_the_region_whichever_corner_came_first():
    box = {"points": [], "box": [{"x": [50.4, 10.2], "y": [5.0, 25.0]}]}
    assert viewer.picked(box) == viewer.Picked((), Region(5, 10, 20, 40))


def test_points_become_cell_ids_and_the_empty_helper_point_none():
    points = {"points": [{"customdata": 7}, {"customdata": None}, {"x": 1}], "box": []}
    assert viewer.picked(points) == viewer.Picked((7,))


def test_nothing_marked_is_nothing_picked():
    assert viewer.picked({}) == viewer.Picked()
