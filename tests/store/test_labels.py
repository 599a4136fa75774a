"""Every word about a cell is kept with who said it, the last one counts, and it outlives the segmentation."""

from dataclasses import replace

import numpy as np
import pytest

from cellapp.errors import InputError, StoreError
from cellapp.store.cells import load_cells, manual_labels
from cellapp.store.images import set_conditions
from cellapp.store.label_rules import add_rule, list_rules, retract_rules
from cellapp.store.labels import NewLabel, add_labels, list_labels, relabel, restore_labels, retract_labels
from cellapp.store.project_classes import project_classes, set_classes
from cellapp.store.run_labels import labels_of_run
from cellapp.store.runs import delete_run, purge_deleted, run_folder
from tests.pages.seeding import seed_image, seed_run


@pytest.fixture
def seeded(tmp_path):
    labels = np.zeros((128, 128), np.int32)
    for number in range(6):
        y, x = divmod(number, 3)
        labels[10 + 40 * y : 34 + 40 * y, 8 + 40 * x : 30 + 40 * x + number] = number + 1
    return replace(seed_image(tmp_path, seed=1, side=128), labels=labels)


@pytest.fixture
def run(seeded):
    return seed_run([seeded], unlike=0.051)


@pytest.fixture
def ids(run):
    return load_cells(run.id).index.tolist()


def new(run, cell_id, name, who=""):
    return NewLabel(run.images[0].image_id, name, run.id, cell_id, who=who)


def shown(run):
    return manual_labels(run.id).get(run.images[0].image_id, {})


def test_a_label_knows_its_cell_run_person_and_outline(run, ids):
    (one,) = add_labels(run.project_id, [new(run, ids[0], "stage 1, early", "Ada")])
    assert (one.run_id, one.cell_id, one.class_name, one.who, one.source) == (
        run.id,
        ids[0],
        "stage 1, early",
        "Ada",
        "hand",
    )
    cells = load_cells(run.id)
    assert one.outline.area_px == cells.at[ids[0], "area_px"]
    assert one.created.tzinfo
    assert list_labels(run.project_id) == (one,)
    assert shown(run) == {ids[0]: "stage 1, early"}


def test_undo_and_redo_take_words_back_and_bring_them_again(run, ids):
    first = add_labels(run.project_id, [new(run, ids[0], "a")])
    second = add_labels(run.project_id, [new(run, ids[0], "b"), new(run, ids[1], "b")])
    for _ in range(2):
        assert shown(run) == {ids[0]: "b", ids[1]: "b"}
        retract_labels([record.id for record in second])
        assert shown(run) == {ids[0]: "a"}
        assert list_labels(run.project_id) == first
        restore_labels([record.id for record in second])
    assert [record.class_name for record in list_labels(run.project_id)] == ["b", "b"]
    assert len(list_labels(run.project_id, history=True)) == 3


def test_two_people_are_shown_beside_each_other(run, ids):
    said = [
        new(run, ids[0], "a", "Ada"),
        new(run, ids[1], "a", "Ada"),
        new(run, ids[0], "b", "Bo"),
        new(run, ids[1], "a", "Bo"),
    ]
    add_labels(run.project_id, said)
    found = labels_of_run(run.id)
    assert len(found.words) == 4
    assert found.table.set_index("cell_id")["disputed"].to_dict() == {ids[0]: True, ids[1]: False}
    (one,) = found.agreements
    assert (one.people, one.n_cells, one.n_same) == (("Ada", "Bo"), 2, 1)
    add_labels(run.project_id, [new(run, ids[0], "b", "Ada")])
    assert not labels_of_run(run.id).table["disputed"].any()


def test_labels_go_to_the_cells_of_another_segmentation(seeded, run, ids):
    add_labels(run.project_id, [new(run, cell_id, f"class {cell_id}", "Ada") for cell_id in ids])
    add_labels(run.project_id, [new(run, ids[0], "other", "Bo")])
    shifted = np.roll(seeded.labels, 1, axis=0)
    shifted[0] = 0
    again = seed_run([replace(seeded, labels=shifted)], unlike=0.06)
    found = labels_of_run(again.id)
    assert found.lost == ()
    assert found.words.query("who == 'Ada'").set_index("cell_id")["class_name"].to_dict() == {
        cell_id: f"class {cell_id}" for cell_id in load_cells(again.id).index
    }
    assert found.table.set_index("cell_id")["disputed"].to_dict() == {cell_id: cell_id == ids[0] for cell_id in ids}


def test_what_finds_no_cell_is_listed_and_stays(seeded, run, ids):
    records = add_labels(run.project_id, [new(run, cell_id, "a") for cell_id in ids[:2]])
    without = seed_run([replace(seeded, labels=np.where(seeded.labels == ids[0], 0, seeded.labels))], unlike=0.07)
    found = labels_of_run(without.id)
    assert found.lost == records[:1]
    assert len(found.table) == 1
    assert list_labels(run.project_id) == records


def test_labels_outlive_their_run(seeded, run, ids):
    add_labels(run.project_id, [new(run, cell_id, "a") for cell_id in ids])
    again = seed_run([seeded], unlike=0.051)
    delete_run(run.id)
    purge_deleted(0)
    assert labels_of_run(again.id).table["cell_id"].tolist() == ids


def test_a_position_waits_for_a_cell(seeded, run, ids):
    y, x = np.argwhere(seeded.labels == ids[0]).mean(axis=0)
    add_labels(
        run.project_id,
        [NewLabel(seeded.image.id, "a", y_px=y, x_px=x), NewLabel(seeded.image.id, "a", y_px=-5, x_px=0)],
    )
    found = labels_of_run(run.id)
    assert found.table["cell_id"].tolist() == [ids[0]]
    assert [record.y_px for record in found.lost] == [-5]


def test_a_column_of_the_image_table_labels_every_cell_but_those_somebody_looked_at(seeded, run, ids):
    set_conditions(seeded.image.id, {"cell_line": "MCF10A"})
    rule = add_rule(run.project_id, "cell_line", "MCF10A", "normal", who="Ada")
    add_labels(run.project_id, [new(run, ids[1], "cancer")])
    table = labels_of_run(run.id).table.set_index("cell_id")
    assert table["class_name"].to_dict() == {cell_id: "cancer" if cell_id == ids[1] else "normal" for cell_id in ids}
    assert set(table["source"]) == {"hand", "column"}
    assert len(list_labels(run.project_id, history=True)) == 1
    retract_rules([rule.id])
    assert labels_of_run(run.id).table["cell_id"].tolist() == [ids[1]]
    add_rule(run.project_id, "cell_line", "MCF10A", "benign")
    assert [rule.class_name for rule in list_rules(run.project_id)] == ["benign"]


def test_classify_and_label_speak_of_the_same_words(run, ids):
    relabel(run.id, run.images[0].image_id, {ids[0]: "a", ids[1]: "b"})
    assert relabel(run.id, run.images[0].image_id, {ids[0]: "a"}) == ()  # said before
    add_labels(run.project_id, [new(run, ids[0], "c", "Ada")])
    assert shown(run) == {ids[0]: "c", ids[1]: "b"}
    changed = relabel(run.id, run.images[0].image_id, {ids[0]: ""})
    assert shown(run) == {ids[1]: "b"}
    restore_labels(changed)
    assert shown(run) == {ids[0]: "c", ids[1]: "b"}


def test_a_project_has_any_classes_and_one_positive(run, ids):
    assert project_classes(run.project_id).names == ()
    add_labels(run.project_id, [new(run, ids[0], "正常"), new(run, ids[1], "late, large")])
    assert project_classes(run.project_id).positive == "正常"
    set_classes(run.project_id, ["late, large", "正常", "debris"], positive="late, large")
    add_labels(run.project_id, [new(run, ids[2], "new")])
    found = project_classes(run.project_id)
    assert (found.names, found.positive) == (("late, large", "正常", "debris", "new"), "late, large")
    with pytest.raises(InputError, match="relabel them"):
        set_classes(run.project_id, ["debris"])
    with pytest.raises(InputError, match="positive class 'no' is none of"):
        set_classes(run.project_id, found.names, positive="no")


@pytest.mark.parametrize("name", ["", "unsure", "Cancer"])
def test_a_class_that_is_none_changes_nothing(run, ids, name):
    add_labels(run.project_id, [new(run, ids[0], "cancer")])
    with pytest.raises(InputError):
        add_labels(run.project_id, [new(run, ids[1], "fine"), new(run, ids[2], name)])
    assert len(list_labels(run.project_id, history=True)) == 1
    assert project_classes(run.project_id).names == ("cancer",)


def test_cells_and_images_that_are_not_there_are_named_and_nothing_is_added(run, ids):
    with pytest.raises(StoreError, match="no cell 9999"):
        add_labels(run.project_id, [new(run, ids[0], "a"), new(run, 9999, "a")])
    with pytest.raises(StoreError, match="no image 'nowhere'"):
        add_labels(run.project_id, [new(run, ids[0], "a"), NewLabel("nowhere", "a", y_px=1, x_px=1)])
    with pytest.raises(InputError, match="no place"):
        add_labels(run.project_id, [NewLabel(run.images[0].image_id, "a")])
    assert list_labels(run.project_id) == ()


@pytest.mark.parametrize("column", ["colour", "", "name"])
def test_a_rule_needs_a_column_of_the_image_table(run, column):
    with pytest.raises(InputError, match="choose one of: cell_line"):
        add_rule(run.project_id, column, "x", "normal")


def test_no_files_are_needed_to_keep_a_word(run, ids):
    (run_folder(run.id) / run.images[0].stem / "labels.tif").unlink()
    (one,) = add_labels(run.project_id, [new(run, ids[0], "a")])
    assert one.outline is None
    assert labels_of_run(run.id).table["cell_id"].tolist() == [ids[0]]
