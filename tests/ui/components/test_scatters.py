"""Maps of cells hold every point, and give back the rows of those selected."""

import numpy as np
import pandas as pd
import pytest

from cellapp.ui.components import scatters
from tests.ui.tables import CLASSES


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
        assert trace.customdata.dtype == np.float32  # words would be copied one by one
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
