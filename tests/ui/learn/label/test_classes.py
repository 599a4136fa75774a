"""The table of classes, edited."""

import pandas as pd
import pytest

from cellapp.errors import InputError
from cellapp.store.project_classes import project_classes, set_classes
from cellapp.store.projects import default_project
from cellapp.ui.learn.label.classes import apply_changes, changes, class_table


def test_an_untouched_table_changes_nothing():
    assert changes(["a", "b"], class_table(["a", "b"], {"a": 3})) == ({}, ["a", "b"])


def test_rows_are_renamed_added_removed_and_ordered():
    project = default_project().id
    before = set_classes(project, ["a", "b", "c"], "a")
    table = class_table(before.names, {}).drop(index=1)
    table.loc[0, "Class"] = 'tumour, "A"'
    table.loc[2, "Key"] = 0
    table.loc[7] = [None, "新", None]
    assert apply_changes(project, before, table, "a") == {"a": 'tumour, "A"'}
    after = project_classes(project)
    assert (after.names, after.positive) == (("c", 'tumour, "A"', "新"), 'tumour, "A"')


def test_a_row_without_a_name_is_refused():
    table = class_table(["a"], {})
    table.loc[1] = pd.Series([None, None, None], table.columns)
    with pytest.raises(InputError, match="row 2 has no name"):
        changes(["a"], table)
