"""Cells are counted by value, class and group, and what is not known counts nowhere."""

import pandas as pd
import pytest

from cellapp.store import images, runs
from cellapp.ui.learn.training_table import (
    accepted_cells,
    class_of_value,
    filled_columns,
    group_table,
    groupings,
    labels_by_image,
    trainable_images,
    value_table,
    why_fewer,
)
from cellapp.ui.session.results import results_of
from tests.jobs.trainable import CLASSES, trainable_run


@pytest.fixture
def found(tmp_path):
    run = trainable_run(tmp_path)
    return found_in(runs.get_run(run.id))


def found_in(run):
    return trainable_images(run, images.list_images(run.project_id), accepted_cells(results_of(run).cells))


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
    run = runs.list_runs(project_id)[0]
    left = found_in(run)
    assert len(left) == 3
    n = sum(image.n_cells for image in left)
    assert f"{n} of the {run.n_cells} cells found count" in why_fewer(run, left, n, "image")
    assert f"{run.image(found[0].record.id).n_cells} in images that are in the bin" in why_fewer(run, left, n, "image")


def test_nothing_is_said_where_all_cells_count_and_the_reasons_add_up_where_not(found):
    run = runs.list_runs(found[0].record.project_id)[0]
    n_accepted = sum(image.n_cells for image in found)
    assert (why_fewer(run, found, n_accepted, "image") == "") == (run.n_cells == n_accepted)
    said = why_fewer(run, found, n_accepted - 3, "image")
    numbers = [int(part.split()[0]) for part in said.partition("Left out: ")[2].split(", ") if part[0].isdigit()]
    assert n_accepted - 3 + sum(numbers) == run.n_cells
    assert said.endswith("3 disputed or without class or image.")


def test_labels_of_rejected_cells_do_not_count():
    rows = [("i", 1, "a", False), ("i", 2, "a", False), ("i", 3, "b", True)]
    labels = pd.DataFrame(rows, columns=["image_id", "cell_id", "class_name", "disputed"])
    accepted = pd.DataFrame({"image_id": ["i", "i"], "cell_id": [1, 3]})
    assert labels_by_image(labels, accepted) == {"i": {"a": 1, "": 1}}
    assert labels_by_image(labels.iloc[:0], accepted) == {}
