"""A density of many cells counts each once, at its place, and selects what lies inside."""

import base64
import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cellapp.ui.components import density, scatters

CLASSES = ("cancer", "normal")


@pytest.fixture
def few_are_many(monkeypatch):
    monkeypatch.setattr(density, "MOST_POINTS", 100)


def points_of(n: int, seed: int = 0) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    outcome = draw.choice(["cancer", "normal", "unsure"], n)
    table = pd.DataFrame({"x": draw.normal(0, 3, n), "y": draw.normal(5, 1, n), "outcome": outcome})
    return table.assign(row=np.arange(n) + 7, cell_id=np.arange(n), p=0.5, selected=False)


def picture_of(figure) -> np.ndarray:
    (image,) = figure.layout.images
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(image.source.partition(",")[2]))))


def test_every_cell_is_counted_once_and_none_is_a_point(few_are_many):
    points = points_of(5_000)
    figure = scatters.embedding_map(points, CLASSES, method="PCA", axes=("one", "two"), target="cancer")
    (counted,) = (trace for trace in figure.data if trace.type == "heatmap")
    assert counted.z.sum() <= len(points)  # the outermost bins may not make up a square
    assert counted.z.sum() > 0.97 * len(points)
    names = [trace.name for trace in figure.data if trace.type == "scattergl"]
    assert names == [f"{name} ({n:,})" for name, n in points["outcome"].value_counts().sort_index().items()]
    assert not any(x is not None for trace in figure.data if trace.type == "scattergl" for x in trace.x)


@pytest.mark.parametrize("upward", [True, False])
def test_a_cell_is_drawn_where_it_lies_in_the_colour_of_its_class(few_are_many, upward):
    points = points_of(200).assign(x=0.0, y=0.0, outcome="normal")
    points.loc[0, ["x", "y", "outcome"]] = [10.0, 10.0, "cancer"]
    if upward:
        figure = scatters.embedding_map(points, CLASSES, method="PCA", axes=("one", "two"))
    else:
        figure = scatters.spatial_map(points, CLASSES, extent=(20, 20), unit="px")
    shown, image = picture_of(figure), figure.layout.images[0]
    rows, columns = np.nonzero(shown[..., 3])
    corner = np.argmax(columns)
    assert (rows[corner] < shown.shape[0] / 2) == upward
    assert tuple(shown[rows[corner], columns[corner], :3]) == (0xD5, 0x5E, 0x00)
    assert image.x < 0
    assert image.x + image.sizex > 10
    assert image.y + image.sizey > 10  # from the lower edge, or from the upper one where y grows downwards
    assert image.yanchor == ("bottom" if upward else "top")


def test_selected_cells_are_points_over_a_fainter_picture(few_are_many):
    points = points_of(1_000)
    plain = scatters.embedding_map(points, CLASSES, method="PCA", axes=("one", "two"))
    marked = points.assign(selected=points["row"] < 12)
    figure = scatters.embedding_map(marked, CLASSES, method="PCA", axes=("one", "two"))
    drawn = [x for trace in figure.data if trace.type == "scattergl" for x in trace.x if x is not None]
    assert len(drawn) == 5
    assert picture_of(figure)[..., 3].max() < picture_of(plain)[..., 3].max()


@settings(max_examples=20, deadline=None)
@given(st.tuples(*[st.floats(-8, 8)] * 4))
def test_a_box_and_the_same_lasso_select_the_cells_inside(corners):
    points = points_of(300)
    x0, x1, y0, y1 = corners
    box = {"x": [x0, x1], "y": [y0, y1]}
    lasso = {"x": [x0, x1, x1, x0], "y": [y0, y0, y1, y1]}
    inside = points["x"].between(min(x0, x1), max(x0, x1)) & points["y"].between(min(y0, y1), max(y0, y1))
    expected = points.loc[inside, "row"].tolist()
    assert density.rows_inside({"selection": {"box": [box]}}, points) == expected
    if abs(x1 - x0) > 0.01 and abs(y1 - y0) > 0.01:
        assert density.rows_inside({"selection": {"lasso": [lasso]}}, points) == expected
    assert density.rows_inside({"selection": {"box": [box], "lasso": [lasso]}}, points) == expected


@pytest.mark.parametrize("event", [None, {}, {"selection": {}}, {"selection": {"points": [], "box": [], "lasso": []}}])
def test_nothing_drawn_selects_nothing(event):
    assert density.rows_inside(event, points_of(10)) == []
