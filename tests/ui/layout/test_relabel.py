"""A class by hand reaches each cell of each image, and only these."""

import pandas as pd
import pytest

from cellapp.ui.layout.relabel import labels_by_image


@pytest.mark.parametrize("label", ["cancer", ""])
def test_a_class_by_hand_reaches_each_cell_of_each_image(label):
    cells = pd.DataFrame({"image_id": ["a", "b", "a", "b"], "cell_id": [1, 1, 2, 3]}, index=[5, 6, 7, 8])
    labels = labels_by_image(cells, [5, 6, 7], label)
    assert labels == {"a": {1: label, 2: label}, "b": {1: label}}
    assert labels_by_image(cells, [], label) == {}
