"""Which cells a mark on a slide selects, and where the viewer goes to show some."""

import pandas as pd
import pytest

from cellapp.types.image import Region
from cellapp.ui.components.viewer import Picked
from cellapp.ui.layout import cells_on_slide


def table(*places):
    rows = [(i, y, x, y - 5, x - 5, y + 5, x + 5) for i, (y, x) in enumerate(places, start=1)]
    columns = ["cell_id", "centroid_y_px", "centroid_x_px", "bbox_y0_px", "bbox_x0_px", "bbox_y1_px", "bbox_x1_px"]
    return pd.DataFrame(rows, columns=columns, index=range(100, 100 + len(rows)))


def rows(mark, cells, cell_id=0):
    return cells_on_slide.rows_under(mark, cells, lambda y, x: cell_id)


def test_a_point_means_the_cell_it_lies_on_else_the_nearest_within_reach():
    cells = table((10, 10), (30, 30))
    assert rows(Picked(point=(50, 50)), cells, cell_id=2) == [101]
    assert rows(Picked(point=(12, 12), reach_px=4.0), cells) == [100]
    assert rows(Picked(point=(12, 12), reach_px=2.0), cells) == []
    assert rows(Picked(point=(20, 20), reach_px=100.0), cells) == [100]


def test_a_rectangle_means_the_cells_with_their_middle_in_it():
    cells = table((10, 10), (30, 30), (50, 50))
    assert rows(Picked(region=Region(0, 0, 31, 31)), cells) == [100, 101]


@pytest.mark.parametrize("mark", [Picked(), Picked(point=(1, 1), reach_px=9.0), Picked(region=Region(0, 0, 9, 9))])
def test_without_cells_nothing_is_picked(mark):
    assert rows(mark, table(), cell_id=3) == []


def test_jumping_shows_a_cell_with_what_surrounds_it():
    cells = table((1000, 2000))
    around = cells_on_slide.surroundings(cells)
    assert around.y <= 1000 - 100
    assert around.y + around.height >= 1000 + 100
    assert cells_on_slide.surroundings(cells.iloc[:0]) is None
    both = cells_on_slide.surroundings(table((1000, 2000), (1000, 9000)))
    assert both.x <= 1995
    assert both.x + both.width >= 9005
