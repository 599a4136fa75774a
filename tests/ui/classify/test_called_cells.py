"""The headline of Classify, and the cells its sections share."""

from cellapp.ui.classify.called_cells import headline
from tests.ui.tables import CLASSES, cell_table


def test_the_headline_counts_cells_images_and_doubts():
    cells = cell_table(200)
    text = headline(cells, CLASSES, n_images=2)
    assert text.startswith("**200 cells in 2 images**: **")
    assert "unlike the training cells" in text
    assert headline(cells.iloc[:0], CLASSES, n_images=1) == "**0 cells in 1 image**"
    assert "cancer" not in headline(cells[["image_id", "qc_pass"]], (), n_images=2)
