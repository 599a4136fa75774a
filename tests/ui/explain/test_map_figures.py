"""The figures of one explained cell."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.ui.explain import map_figures


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


def test_a_strip_has_one_picture_per_channel():
    figure = map_figures.channel_strip([np.zeros((8, 8, 3), np.uint8)] * 3, ("a", "<i>b</i>", "c"))
    assert len(figure.data) == 3
    assert "<i>" not in figure.layout.annotations[1].text
