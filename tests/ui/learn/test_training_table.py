"""Cells are counted by value, class and group, and what is not known counts nowhere."""

import pandas as pd
import pytest

from cellapp.store import images, runs
from cellapp.ui.learn.training_table import (
    class_of_value,
    filled_columns,
    group_table,
    groupings,
    trainable_images,
    value_table,
)
from tests.jobs.trainable import CLASSES, trainable_run


@pytest.fixture
def found(tmp_path):
    run = trainable_run(tmp_path)
    return trainable_images(runs.get_run(run.id), images.list_images(run.project_id))


def test_columns_and_groupings_are_those_that_say_something(found):
    assert filled_columns(found) == ["cell_line", "batch"]
    assert groupings(found, "cell_line") == ["image", "batch"]


def test_values_are_their_own_classes_until_edited(found):
    table = value_table(found, "cell_line")
    assert class_of_value(table) == {"MCF10A": "MCF10A", "MCF7": "MCF7"}
    assert table["images"].tolist() == [2, 2]
    assert table["cells"].sum() == sum(image.n_cells for image in found)
    edited = table.assign(**{"class": ["normal", None]})
    assert class_of_value(edited) == {"MCF10A": "normal"}


def test_cells_are_counted_by_group_and_class(found):
    table = group_table(found, "cell_line", CLASSES, "batch")
    assert list(table.index) == ["day 0", "day 1"]
    assert table.to_numpy().sum() == sum(image.n_cells for image in found)
    assert list(group_table(found, "cell_line", {"MCF7": "cancer"}, "image").columns) == ["cancer"]
    assert isinstance(group_table(found, "cell_line", {}, "image"), pd.DataFrame)
    assert group_table(found, "cell_line", {}, "image").empty


def test_images_in_the_bin_do_not_count(found):
    images.remove_image(found[0].record.id)
    project_id = found[0].record.project_id
    assert len(trainable_images(runs.list_runs(project_id)[0], images.list_images(project_id))) == 3
