"""Growth as tables and charts: a known doubling time is found again, and too few times are said to be too few."""

import xml.etree.ElementTree as ElementTree

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.evaluation.growth import Growth, fit_growth, pool_growth
from cellapp.exports.growth import GrowthSeries, condition_rows, doubling_rows, growth_rows, measures_of
from cellapp.exports.growth_chart import growth_curves, growth_figure, sentences, write_growth

TIMES = (0.0, 12.0, 24.0, 36.0)


def places(doubling_h, condition, n=3, *, noise=0.02, seed=0):
    generator = np.random.default_rng(seed)
    grown = [0.05 * 2 ** (np.array(TIMES) / doubling_h) * np.exp(noise * generator.normal(size=4)) for _ in range(n)]
    return [GrowthSeries(f"{condition}/{k}", condition, condition, "1", TIMES, share) for k, share in enumerate(grown)]


@settings(max_examples=15)
@given(doubling=st.floats(8, 60), n=st.integers(1, 4))
def test_a_known_doubling_time_is_found_within_its_interval(doubling, n):
    rows = condition_rows(growth_rows(places(doubling, "A", n, noise=1e-4)), "confluency")
    [row] = rows.to_dict("records")
    assert row["doubling_h"] == pytest.approx(doubling, rel=0.02)
    assert row["doubling_low_h"] <= row["doubling_h"] <= row["doubling_high_h"]
    assert row["sequences"] == n


def test_places_are_what_a_condition_is_measured_by():
    fits = [fit_growth(TIMES, one.confluency) for one in places(20, "A", 4)]
    pooled = pool_growth(fits)
    assert pooled.n == 4
    assert pooled.rate_per_h == pytest.approx(np.mean([fit.rate_per_h for fit in fits]))
    assert pool_growth(fits[:1]).rate_low == fits[0].rate_low
    assert pool_growth([Growth(0, None, None, None, None)]).note == "no sequence has a fit"


def test_files_hold_places_conditions_and_a_chart_of_each_measure(tmp_path):
    series = places(20, "A") + places(40, "B <b>$x$</b>", seed=1)
    counted = [
        GrowthSeries(s.name, s.condition, s.line, s.batch, TIMES, s.confluency, s.confluency * 1000) for s in series
    ]
    growth = write_growth(counted, tmp_path)
    assert measures_of(growth) == ["confluency", "n_cells"]
    doubling = pd.read_csv(tmp_path / "doubling.csv")
    assert doubling.groupby("measure").size().to_dict() == {"confluency": 6, "n_cells": 6}
    assert set(pd.read_csv(tmp_path / "doubling_by_condition.csv")["condition"]) == {"A", "B <b>$x$</b>"}
    for suffix in ("", "_cells"):
        page = (tmp_path / f"growth{suffix}.html").read_text()
        assert "A doubles in" in page
        assert "B <b>" not in page.split("<body>")[1].split("<script")[0]
        drawn = ElementTree.fromstring((tmp_path / f"growth{suffix}.svg").read_text())
        assert any("doubles in" in str(text.text) for text in drawn.iter("{http://www.w3.org/2000/svg}text"))
    first = (tmp_path / "growth.svg").read_bytes()
    write_growth(counted, tmp_path)
    assert (tmp_path / "growth.svg").read_bytes() == first


@pytest.mark.parametrize("times", [(0.25, 2.5), (1.0,)])
def test_two_times_are_points_and_a_line_without_a_fit_and_that_is_said(times):
    growth = growth_rows([GrowthSeries("p", "", "", "", times, np.linspace(0.4, 0.5, len(times)))])
    assert doubling_rows(growth, "confluency")["doubling_h"].isna().all()
    assert sentences(growth, "confluency") == ["all places: no fit, fewer than 3 times before it is full."]
    [curve] = growth_curves(growth, "confluency")
    assert curve.x.tolist() == list(times)
    assert [trace.mode for trace in growth_figure(growth, "confluency").data] == ["lines+markers"]


def test_a_fit_stands_for_each_condition_and_an_empty_image_has_no_place_on_the_axis():
    series = [*places(20, "A"), GrowthSeries("B/0", "B", "B", "1", TIMES, np.array([0.0, 0.1, 0.1, 0.1]))]
    curves = growth_curves(growth_rows(series), "confluency")
    assert [(curve.name, curve.place == "") for curve in curves] == [("A", False)] * 3 + [
        ("A", True),
        ("B", False),
    ]
    assert len(curves[4].x) == 3
    assert "B: growth cannot be told from none." in sentences(growth_rows(series), "confluency")


@pytest.mark.parametrize("measure", ["confluency", "n_cells"])
def test_each_tick_of_the_logarithmic_axis_is_written_as_its_value(measure):
    """Plotly would write 20 and 50 as 2 and 5 below a 10."""
    counted = [
        GrowthSeries(s.name, s.condition, s.line, s.batch, TIMES, s.confluency, s.confluency * 5000)
        for s in places(10, "A")
    ]
    figure = growth_figure(growth_rows(counted), measure)
    axis, drawn = figure.layout.yaxis, np.concatenate([trace.y for trace in figure.data])
    assert [float(text.replace(",", "")) for text in axis.ticktext] == list(axis.tickvals) == sorted(axis.tickvals)
    assert sum(drawn.min() / 2 <= tick <= drawn.max() * 2 for tick in axis.tickvals) >= 2
