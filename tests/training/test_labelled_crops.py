"""Which pictures are read, and what is refused in one sentence."""

import pandas as pd
import pytest

from cellapp.cells.counts import RESERVED
from cellapp.errors import InputError
from cellapp.training.labelled_crops import read_labelled_crops
from tests.paths import shared_case
from tests.training.pictures import write_pictures


@pytest.fixture
def folder(tmp_path):
    return write_pictures(tmp_path / "cells", n_groups=4, per_group=2)


def change_index(folder, change):
    path = folder / "index.csv"
    change(pd.read_csv(path, dtype=str, keep_default_na=False)).to_csv(path, index=False)


def test_the_index_gives_classes_and_groups(folder):
    found = read_labelled_crops(folder)
    assert (len(found), found.classes, found.grouped_by) == (8, ("cancer", "normal"), "group")
    assert found.groups[:2] == ["slide 0", "slide 0"]
    assert all(file.startswith(label) for file, label in zip(found.files, found.labels, strict=True))


def test_any_column_can_group(folder):
    change_index(folder, lambda table: table.rename(columns={"group": "patient"}))
    assert read_labelled_crops(folder, "patient").groups == read_labelled_crops(folder, "patient").groups
    assert read_labelled_crops(folder).grouped_by is None


def test_folders_are_classes_where_there_is_no_index(folder):
    (folder / "index.csv").unlink()
    found = read_labelled_crops(folder)
    assert (len(found), found.classes, found.grouped_by) == (8, ("cancer", "normal"), None)
    assert list(found.groups) == list(found.files)


def test_a_subset_keeps_what_belongs_together(folder):
    found = read_labelled_crops(folder).subset([5, 1])
    assert found.files[0].startswith("normal") == (found.labels[0] == "normal")
    assert len(found) == 2


def no_file(table):
    return table.assign(file=["nowhere.tif", *table["file"][1:]])


REFUSED = [
    (lambda t: t.drop(columns="class"), None, "no column 'class'; it has 'file', 'group'"),
    (lambda t: t, "patient", "no column 'patient'"),
    (no_file, None, "names 'nowhere.tif', which is not in that folder"),
    (lambda t: t.assign(file=["../../secret.tif", *t["file"][1:]]), None, "not in that folder"),
    (lambda t: pd.concat([t, t[:1]]), None, "names 'cancer/00_0.tif' twice"),
    (lambda t: t.assign(group=["", *t["group"][1:]]), None, "line 2: group is empty"),
    (lambda t: t.assign(**{"class": "cancer"}), None, "at least two classes; got cancer"),
    (lambda t: t[:0], None, "at least two classes; got none"),
]


@pytest.mark.parametrize(("change", "column", "words"), REFUSED)
def test_an_index_that_does_not_fit_is_refused(folder, change, column, words):
    change_index(folder, change)
    with pytest.raises(InputError, match=words):
        read_labelled_crops(folder, column)


def test_folders_that_do_not_fit_are_refused(folder, tmp_path):
    with pytest.raises(InputError, match="no folder"):
        read_labelled_crops(tmp_path / "nowhere")
    (folder / "index.csv").unlink()
    with pytest.raises(InputError, match="groups need a column 'patient'"):
        read_labelled_crops(folder, "patient")
    (folder / "cancer" / "00_0.tif").rename(folder / "loose.tif")
    with pytest.raises(InputError, match=r"'loose.tif' lies in no class"):
        read_labelled_crops(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.assign(**{"class": [f" {name}\u00a0" if at % 2 else name for at, name in enumerate(t["class"])]}),
        lambda t: t.assign(file=t["file"].str.replace("/", "\\")),
        lambda t: t.assign(file="./" + t["file"]),
        lambda t: t.rename(columns=str.upper),
        lambda t: t[["group", "class", "file"]].rename(columns=lambda name: f" {name.title()} "),
    ],
)
def test_what_people_write_into_an_index_means_the_same(folder, change):
    meant = read_labelled_crops(folder)
    change_index(folder, change)
    read = read_labelled_crops(folder)
    for name in ("files", "labels", "groups", "grouped_by"):
        assert getattr(read, name) == getattr(meant, name)


def test_the_group_column_is_found_whatever_its_case(folder):
    assert read_labelled_crops(folder, "Group").groups == read_labelled_crops(folder).groups


@pytest.mark.parametrize("other", ["Cancer", "CANCER", "canc\uff45r"])
def test_classes_that_differ_in_spelling_alone_are_refused(folder, other):
    change_index(folder, lambda t: t.assign(**{"class": [other, *t["class"][1:]]}))
    with pytest.raises(InputError, match="differ in spelling alone; write them in one way"):
        read_labelled_crops(folder)


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_names_that_summaries_use_are_refused_before_anything_is_read(folder, name):
    change_index(folder, lambda t: t.assign(**{"class": [name, *t["class"][1:]]}))
    with pytest.raises(InputError, match=f"'{name}' is no class.*another name"):
        read_labelled_crops(folder)


@pytest.mark.parametrize("case", ["semicolon", "value_space"])
def test_an_index_as_a_spreadsheet_writes_it_gives_two_classes(case):
    found = read_labelled_crops(shared_case("15-index-csv") / case)
    assert (len(found), found.classes, found.grouped_by) == (24, ("cancer", "normal"), "group")


LITTER = ["._a.png", "cancer/._a.png", ".ipynb_checkpoints/a.png", "__MACOSX/cancer/a.png", "Thumbs.db"]


@pytest.mark.parametrize("name", LITTER)
@pytest.mark.parametrize("is_there", [True, False])
def test_a_line_that_names_what_a_system_left_is_passed_over_and_named(folder, name, is_there):
    before = read_labelled_crops(folder)
    if is_there:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"\0\5\x16\7")
    row = {"file": name, "class": "another", "group": ""}
    change_index(folder, lambda table: pd.concat([table, pd.DataFrame([row])]))
    found = read_labelled_crops(folder)
    assert (found.files, found.classes) == (before.files, before.classes)
    assert found.left_out == (f"{name}: an operating system or editor leaves such files",)
    assert found.subset([0]).left_out == found.left_out
