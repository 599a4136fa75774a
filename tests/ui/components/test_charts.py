"""Histograms count every cell, and say what their axis is."""

import numpy as np
import plotly.io
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.ui.components import charts


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
