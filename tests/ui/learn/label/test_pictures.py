"""Windows around cells: large enough for each, in few different sizes."""

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.ui.learn.label.pictures import ZOOM, window_sides


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(1, 200), st.integers(1, 200)), min_size=1, max_size=20))
def test_a_window_holds_its_cell_with_room_and_not_too_much(sizes):
    table = pd.DataFrame(
        [(0, 0, height, width) for height, width in sizes],
        columns=["bbox_y0_px", "bbox_x0_px", "bbox_y1_px", "bbox_x1_px"],
    )
    for (height, width), side in zip(sizes, window_sides(table), strict=True):
        own = max(height, width)
        assert side >= min(own * ZOOM, 1024)
        assert side <= max(own, 24) * ZOOM * ZOOM * 1.21 + 1
