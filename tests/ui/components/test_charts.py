"""Histograms count every cell, and say what their axis is."""

import numpy as np
import plotly.graph_objects as go
import plotly.io
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.rendering.colours import class_colour
from cellapp.ui.components import charts
from cellapp.ui.components.scatters import symbol

KINDS = ("round", "flat", "mitotic", "late", "early")


@settings(max_examples=25, deadline=None)
@given(p=st.lists(st.floats(0, 1), max_size=50), threshold=st.floats(0.05, 0.95))
def test_the_histogram_counts_every_cell_once(p, threshold):
    figure = charts.probability_histogram(
        np.array(p), threshold, "cancer", other="normal", band=(0.4, 0.6), calibrated=True
    )
    assert sum(int(np.sum(bar.y)) for bar in figure.data) == len(p)
    assert figure.layout.xaxis.title.text == "p(cancer), calibrated"


def test_the_axis_says_uncalibrated():
    figure = charts.probability_histogram(np.zeros(0), 0.5, "x", other="y", band=(0.5, 0.5), calibrated=False)
    assert "uncalibrated" in figure.layout.xaxis.title.text


def test_every_chart_saves_svg():
    assert charts.chart_config("x")["toImageButtonOptions"] == {"format": "svg", "filename": "x"}


def test_what_is_drawn_once_is_sent_as_the_figure_itself():
    figure = charts.size_histogram(np.arange(5.0), unit="µm²", minimum=2.0)
    drawn = charts.Drawn(figure)
    assert plotly.io.to_json(drawn, validate=False) == plotly.io.to_json(figure, validate=False)
    assert drawn.title == "Cell size"
    assert drawn.n_bytes > 5 * 8


@settings(max_examples=25, deadline=None)
@given(calls=st.lists(st.tuples(st.floats(0, 1), st.sampled_from((*KINDS, "unsure"))), max_size=50))
def test_the_histogram_of_several_classes_counts_every_cell_under_what_it_counts_as(calls):
    p, outcomes = np.array([one for one, _ in calls], float), [name for _, name in calls]
    figure = charts.outcome_histogram(p, outcomes, KINDS[0], KINDS, calibrated=True)
    counted = {bar.name: int(np.sum(bar.y)) for bar in figure.data}
    assert counted == {name: outcomes.count(name) for name in dict.fromkeys(outcomes)}
    assert all(bar.marker.color == class_colour(bar.name, KINDS) for bar in figure.data)
    assert not figure.layout.shapes, "no threshold decides between several classes"


@given(order=st.permutations(KINDS))
def test_patterns_and_signs_of_classes_do_not_follow_their_order(order):
    for name in KINDS:
        assert charts.pattern(name, order) == charts.pattern(name, KINDS)
        assert symbol(name, order) == symbol(name, KINDS)
    looks = {(class_colour(name, KINDS), charts.pattern(name, KINDS), symbol(name, KINDS)) for name in KINDS}
    assert len(looks) == len(KINDS)


def test_names_in_a_title_are_text():
    assert charts.styled(go.Figure(), "Cells <b>a & b").layout.title.text == "Cells &lt;b&gt;a &amp; b"


@given(n=st.integers(1, 9), length=st.integers(1, 60))
def test_a_legend_that_wraps_has_its_rows_above_the_plot_and_takes_none_of_it(n, length):
    figure = charts.styled(go.Figure([go.Bar(x=[1], y=[1], name="x" * length)] * n), "Title", height=300)
    top_px = figure.layout.margin.t or charts.TEMPLATE.layout.margin.t
    rows = 1 + (top_px - charts.TEMPLATE.layout.margin.t) / 19
    assert figure.layout.height - top_px == 300 - charts.TEMPLATE.layout.margin.t
    assert 1 <= rows <= n
    assert rows == n or n < 2 or length < 40
