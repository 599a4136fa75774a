import pandas as pd
import pytest

from cellapp.ui.components import gallery


@pytest.mark.parametrize("order", list(gallery.ORDERS))
def test_every_order_keeps_every_cell(order):
    cells = pd.DataFrame({"area_px": [3, 1, 2], "margin": [0.1, None, 0.5], "p_x": [0.2, None, 0.9]})
    assert sorted(gallery.sort_cells(cells, order, target="x").index) == [0, 1, 2]
    assert len(gallery.sort_cells(cells[["area_px"]], order)) == 3
