"""Figures say what the tables say, for any number of rows, and names people gave stay text."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.rendering.colours import class_colour
from cellapp.settings import AnalyseSettings
from cellapp.ui.classify.called_cells import headline, outcome_table, share_table
from cellapp.ui.components import charts, histograms, scatters
from cellapp.ui.explain import map_figures
from cellapp.ui.runs.compare_runs import flat_settings, image_table, paired_chart

CLASSES = ("cancer", "normal")


def run_table(n, seed=0, images=("a", "b")):
    rng = np.random.default_rng(seed)
    p = rng.random(n)
    return pd.DataFrame(
        {
            "image_id": rng.choice(list(images), n) if n else np.array([], dtype=object),
            "qc_pass": rng.random(n) > 0.1,
            "label": np.where(p > 0.5, "cancer", "normal").astype(object),
            "unsure": rng.random(n) < 0.1,
            "unlike_training": rng.random(n) < 0.1,
            "manual_label": np.full(n, "", dtype=object),
            "p_cancer": p,
            "p_normal": 1 - p,
        }
    )


@settings(max_examples=25, deadline=None)
@given(n=st.integers(0, 40), seed=st.integers(0, 50))
def test_bars_add_up_to_the_cells(n, seed):
    cells = run_table(n, seed)
    table = outcome_table(cells, CLASSES, {"a": "A", "b": "B"})
    assert table["n"].sum() == n
    figure = charts.counts_chart(table, CLASSES)
    assert sum(sum(bar.x) for bar in figure.data) == n
    shares = share_table(cells, CLASSES, {"a": "A", "b": "B"})
    known = shares[shares["n"] > 0]
    assert ((known["low"] <= known["share"]) & (known["share"] <= known["high"])).all()
    assert len(charts.share_chart(shares, "cancer").data[0].x) == len(known)


def test_no_class_is_told_by_colour_alone():
    table = pd.DataFrame({"group": "A", "outcome": ["cancer", "normal", "unsure"], "n": 3})
    fills = [bar.marker.pattern.shape for bar in charts.counts_chart(table, CLASSES).data]
    assert len(set(fills)) == 3
    signs = {scatters.symbol(name, CLASSES) for name in ("cancer", "normal", "unsure")}
    assert len(signs) == 3


@settings(max_examples=25, deadline=None)
@given(p=st.lists(st.floats(0, 1), max_size=50), threshold=st.floats(0.05, 0.95))
def test_the_histogram_counts_every_cell_once(p, threshold):
    figure = histograms.probability_histogram(
        np.array(p), threshold, "cancer", other="normal", band=(0.4, 0.6), calibrated=True
    )
    assert sum(int(np.sum(bar.y)) for bar in figure.data) == len(p)
    assert figure.layout.xaxis.title.text == "p(cancer), calibrated"


def test_the_axis_says_uncalibrated():
    figure = histograms.probability_histogram(np.zeros(0), 0.5, "x", other="y", band=(0.5, 0.5), calibrated=False)
    assert "uncalibrated" in figure.layout.xaxis.title.text


def test_names_are_text_and_never_markup():
    table = pd.DataFrame({"group": ["<b>x</b>"], "outcome": ["cancer"], "n": [2]})
    assert "<b>" not in json.dumps(list(charts.counts_chart(table, CLASSES).data[0].y))


@pytest.mark.parametrize("n", [0, 1, 50_000])
def test_maps_hold_every_point_and_stay_webgl(n):
    rng = np.random.default_rng(0)
    outcome = rng.choice(["cancer", "normal", "unsure"], n) if n else np.array([], dtype=object)
    points = pd.DataFrame({"x": rng.random(n), "y": rng.random(n), "outcome": outcome, "row": np.arange(n)})
    p = np.where(points["outcome"] == "unsure", np.nan, 0.9)
    points = points.assign(cell_id=points["row"] + 1, p=p, selected=points["row"] < 3)
    figure = scatters.embedding_map(points, CLASSES, method="PCA", axes=("one", "two"), target="cancer")
    assert sum(len(trace.x) for trace in figure.data) == n
    assert all(trace.type == "scattergl" for trace in figure.data)
    assert sum(len(trace.selectedpoints) for trace in figure.data) == min(n, 3)
    for trace in figure.data:
        assert trace.customdata.dtype == np.float64  # words would be copied one by one
        assert ("p(%{meta[1]}) %{customdata[2]" in trace.hovertemplate) == ("unsure" not in trace.name)
        assert trace.meta[1] == "cancer"


def test_a_cell_named_by_hand_takes_no_probability_from_the_others():
    points = pd.DataFrame({"x": [0.0, 1], "y": [0.0, 1], "outcome": "<b>%{x}", "row": [0, 1], "cell_id": [1, 2]})
    points = points.assign(p=[0.9, np.nan], selected=False)
    (trace,) = scatters.embedding_map(points, ("<b>%{x}",), method="PCA", axes=("one", "two"), target="<b>%{x}").data
    assert ["customdata[2]" in words for words in trace.hovertemplate] == [True, False]
    assert trace.meta[0] == trace.meta[1] == "&lt;b&gt;%{x}"
    assert not any("<b>" in words for words in trace.hovertemplate)


def test_a_selection_gives_back_rows():
    points = [{"customdata": [7.0, 8.0]}, {"customdata": {"0": 3.0, "1": 4.0}}, {"customdata": None}]
    assert scatters.selected_rows({"selection": {"points": points}}) == [3, 7]
    assert scatters.selected_rows(None) == []


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 99), limit=st.floats(0, 5))
def test_the_signed_scale_is_symmetric_and_shared(seed, limit):
    values = np.random.default_rng(seed).normal(size=(4, 6))
    figure = map_figures.explanation_figure(np.zeros((32, 32, 3), np.uint8), values, limit=limit, target="cancer")
    maps = [trace for trace in figure.data if trace.type == "heatmap"]
    assert len(maps) == 2
    assert all(trace.zmin == -trace.zmax == -(limit or 1.0) for trace in maps)
    assert maps[0].colorscale[1][1].upper() == "#FFFFFF"
    np.testing.assert_allclose(np.asarray(maps[0].z), values)


def test_every_chart_saves_svg():
    assert charts.chart_config("x")["toImageButtonOptions"] == {"format": "svg", "filename": "x"}


def test_a_strip_has_one_picture_per_channel():
    figure = map_figures.channel_strip([np.zeros((8, 8, 3), np.uint8)] * 3, ("a", "<i>b</i>", "c"))
    assert len(figure.data) == 3
    assert "<i>" not in figure.layout.annotations[1].text


def test_the_headline_counts_cells_images_and_doubts():
    cells = run_table(200)
    text = headline(cells, CLASSES, n_images=2)
    assert text.startswith("**200 cells in 2 images**: **")
    assert "unlike the training cells" in text
    assert headline(cells.iloc[:0], CLASSES, n_images=1) == "**0 cells in 1 image**"
    assert "cancer" not in headline(cells[["image_id", "qc_pass"]], (), n_images=2)


def test_a_run_beside_itself_has_no_change():
    cells = run_table(100)
    table = image_table(cells, cells, {"a": "A", "b": "B"}, done=({"a", "b"}, {"a", "b"}))
    assert (table["cells_change"] == 0).all()
    assert (table["share_change"].abs() < 1e-9).all()
    assert len(paired_chart(table, "cancer", names=("one", "two")).data) == 4


def test_no_cells_is_zero_and_not_reached_is_a_gap():
    cells = run_table(10, images=("a",))
    table = image_table(cells, cells.iloc[:0], {"a": "A"}, done=({"a"}, {"a"}))
    assert table["cells_change"].tolist() == [-10]
    gap = image_table(cells, cells.iloc[:0], {"a": "A"}, done=({"a"}, set()))
    assert gap["cells_second"].isna().all()


def test_every_setting_has_a_name_and_a_word():
    flat = flat_settings(AnalyseSettings())
    assert flat["segment diameter"] == "automatic"
    assert flat["preprocess clahe"] == "off"
    assert all(isinstance(value, str) for value in flat.values())


def test_colours_are_those_of_the_palette():
    table = pd.DataFrame({"group": "A", "outcome": ["cancer"], "n": [3]})
    assert charts.counts_chart(table, CLASSES).data[0].marker.color == class_colour("cancer")
