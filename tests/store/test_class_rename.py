"""A class gets another name everywhere, or nowhere."""

import pytest

from cellapp.errors import InputError
from cellapp.store.cells import manual_labels
from cellapp.store.class_rename import rename_class
from cellapp.store.given_labels import give_labels
from cellapp.store.label_rules import add_rule, list_rules
from cellapp.store.label_version import label_version
from cellapp.store.labels import list_labels
from cellapp.store.project_classes import project_classes, set_classes
from tests.pages.seeding import seed_image, seed_run


@pytest.fixture
def run(tmp_path):
    made = seed_run([seed_image(tmp_path)], head=None, n_cells=3)
    set_classes(made.project_id, ["a", "b", "c"], "b")
    image_id = made.images[0].image_id
    give_labels(made.id, [((image_id, 1), "b"), ((image_id, 2), "a")])
    add_rule(made.project_id, "cell_line", "HeLa", "b")
    return made


def test_labels_rules_cells_and_the_positive_class_follow(run):
    before = label_version(run.project_id)
    assert rename_class(run.project_id, "b", ' tumour, "B" ').names == ("a", 'tumour, "B"', "c")
    assert project_classes(run.project_id).positive == 'tumour, "B"'
    assert [label.class_name for label in list_labels(run.project_id)] == ['tumour, "B"', "a"]
    assert [rule.class_name for rule in list_rules(run.project_id)] == ['tumour, "B"']
    assert manual_labels(run.id)[run.images[0].image_id] == {1: 'tumour, "B"', 2: "a"}
    assert label_version(run.project_id) != before
    assert rename_class(run.project_id, "a", "A").names[0] == "A", "another spelling of itself"


@pytest.mark.parametrize(("name", "to", "word"), [("x", "y", "no class"), ("b", "a", "already"), ("b", " ", "a name")])
def test_what_cannot_be_changes_nothing(run, name, to, word):
    before = label_version(run.project_id)
    with pytest.raises(InputError, match=word):
        rename_class(run.project_id, name, to)
    assert label_version(run.project_id) == before


def test_spelling_alone_does_not_tell_classes_apart(run):
    with pytest.raises(InputError, match="spelling"):
        rename_class(run.project_id, "b", "C")
