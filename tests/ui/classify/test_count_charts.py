"""Bars of cells per group add up to the cells, for any number of them."""

import json
import re

import pandas as pd
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cellapp.rendering.colours import class_colour
from cellapp.ui.classify.called_cells import outcome_table, share_table
from cellapp.ui.classify.count_charts import counts_chart, share_chart
from cellapp.ui.components import scatters
from tests.ui.tables import CLASSES, cell_table


@settings(max_examples=25, deadline=None)
@given(n=st.integers(0, 40), seed=st.integers(0, 50))
def test_bars_add_up_to_the_cells(n, seed):
    cells = cell_table(n, seed)
    table = outcome_table(cells, CLASSES, {"a": "A", "b": "B"})
    assert table["n"].sum() == n
    figure = counts_chart(table, CLASSES)
    assert sum(sum(bar.x) for bar in figure.data) == n
    shares = share_table(cells, CLASSES, {"a": "A", "b": "B"})
    known = shares[shares["n"] > 0]
    assert ((known["low"] <= known["share"]) & (known["share"] <= known["high"])).all()
    assert len(share_chart(shares, "cancer", CLASSES).data[0].x) == len(known)


def test_no_class_is_told_by_colour_alone():
    table = pd.DataFrame({"group": "A", "outcome": ["cancer", "normal", "unsure"], "n": 3})
    fills = [bar.marker.pattern.shape for bar in counts_chart(table, CLASSES).data]
    assert len(set(fills)) == 3
    signs = {scatters.symbol(name, CLASSES) for name in ("cancer", "normal", "unsure")}
    assert len(signs) == 3


def test_names_are_text_and_never_markup():
    table = pd.DataFrame({"group": ["<b>x</b>"], "outcome": ["cancer"], "n": [2]})
    assert "<b>" not in json.dumps(list(counts_chart(table, CLASSES).data[0].y))


def test_colours_are_those_of_the_palette():
    table = pd.DataFrame({"group": "A", "outcome": ["cancer"], "n": [3]})
    assert counts_chart(table, CLASSES).data[0].marker.color == class_colour("cancer")


def test_long_names_of_groups_leave_the_bars_their_room_and_stay_apart():
    names = [f"a treatment with a very long name, {dose} micromolar" for dose in range(12)]
    counts = pd.DataFrame({"group": names, "outcome": "cell", "n": 3})
    axis = counts_chart(counts, ("cell",)).layout.yaxis
    assert list(axis.tickvals) == names
    assert max(map(len, axis.ticktext)) <= 24
    shares = pd.DataFrame({"group": names, "n": 1, "share": 0.5, "low": 0.1, "high": 0.9})
    assert len(share_chart(shares, "cancer", CLASSES).layout.yaxis.ticktext) == 12


@example(n=10, length=2)
@given(n=st.integers(1, 12), length=st.integers(1, 70))
def test_a_legend_has_all_outcomes_in_lines_that_a_narrow_column_holds(n, length):
    names = [f"{i}{'x' * length}" for i in range(n)]
    counts = pd.DataFrame({"group": "a", "outcome": names, "n": 3})
    legend = counts_chart(counts, tuple(names)).layout.title.subtitle.text
    lines = [re.sub("<[^>]*>", "", line) for line in legend.split("<br>")]
    assert sum(line.count("x" * length) > 0 for line in lines) == len(lines)
    assert all(name in legend for name in names)
    assert all(len(line) <= 66 or line.count("x" * length) == 1 for line in lines)
