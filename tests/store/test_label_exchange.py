"""What is exported from a project or a run and imported again gives the same labels, and nothing twice."""

from dataclasses import replace

import numpy as np
import pytest

from cellapp.errors import InputError
from cellapp.labelling.label_table import TableLabel, read_label_table, write_label_table
from cellapp.store.cells import load_cells
from cellapp.store.images import rename_image, set_conditions
from cellapp.store.label_exchange import exchange_of, export_labels, import_labels
from cellapp.store.label_rules import add_rule, list_rules, retract_rules
from cellapp.store.labels import NewLabel, add_labels, list_labels, retract_labels
from cellapp.store.run_labels import labels_of_run
from tests.pages.seeding import seed_image, seed_run


def grid(n=6):
    labels = np.zeros((128, 128), np.int32)
    for number in range(n):
        y, x = divmod(number, 3)
        labels[10 + 40 * y : 34 + 40 * y, 8 + 40 * x : 30 + 40 * x + number] = number + 1
    return labels


@pytest.fixture
def seeded(tmp_path):
    return replace(seed_image(tmp_path, seed=1, side=128, name="слайд; 1, a.tif"), labels=grid())


@pytest.fixture
def run(seeded):
    return seed_run([seeded], unlike=0.051)


@pytest.fixture
def said(seeded, run):
    """Labels of two people who disagree, one superseded, and a rule."""
    ids = load_cells(run.id).index.tolist()
    words = [
        (ids[0], "=SUM(A1)", "Ada"),
        (ids[1], "正常, late", "Ada"),
        (ids[1], "other; x", "Bo"),
        (ids[0], "x", "Ada"),
    ]
    add_labels(run.project_id, [NewLabel(seeded.image.id, name, run.id, cell, who=who) for cell, name, who in words])
    add_rule(run.project_id, "cell_line", "MCF = 7", "cancer", who="Ada")
    return ids


def words_of(run):
    words = labels_of_run(run.id).words
    return sorted(words[["cell_id", "class_name", "who", "source", "created"]].itertuples(index=False, name=None))


def clear(project_id):
    retract_labels([record.id for record in list_labels(project_id, history=True)])
    retract_rules([rule.id for rule in list_rules(project_id)])


@pytest.mark.parametrize("of", ["run", "project"])
def test_export_then_import_gives_the_same_labels(run, said, tmp_path, of):
    set_conditions(run.images[0].image_id, {"cell_line": "MCF = 7"})
    target = exchange_of(run.id if of == "run" else run.project_id)
    before = [one[:4] for one in words_of(run)]
    path = write_label_table(export_labels(target), tmp_path / "labels.csv")
    lines, left_out = read_label_table(path)
    assert left_out == []
    report, added = import_labels(target, lines)
    assert (report.n_added, report.n_known, report.left_out, added) == (0, 4, (), ())
    clear(run.project_id)
    assert words_of(run) == []
    report, added = import_labels(target, lines)
    assert (report.n_added, report.n_known, len(added)) == (4, 0, 3)
    assert [one[:4] for one in words_of(run)] == before
    assert list_rules(run.project_id)[0].value == "MCF = 7"
    assert {record.run_id for record in list_labels(run.project_id)} == {run.id}


def test_a_table_finds_the_cells_of_a_new_segmentation_by_position(seeded, run, said):
    lines = export_labels(exchange_of(run.project_id))
    moved = np.roll(seeded.labels, 1, 0)
    moved[1:7, 1:7] = 7  # one more, before all others: the same cells have other numbers
    again = seed_run([replace(seeded, labels=moved)], unlike=0.061)
    clear(run.project_id)
    report, _ = import_labels(exchange_of(again.id), lines)
    assert report.left_out == ()
    assert {(row.cell_id, row.who) for row in labels_of_run(again.id).words.itertuples()} == {
        (said[0] + 1, "Ada"),
        (said[1] + 1, "Ada"),
        (said[1] + 1, "Bo"),
    }


def test_lines_without_an_image_or_a_cell_are_named_and_a_position_is_kept(seeded, run):
    lines = [
        TableLabel("nowhere", "a", 1, line=2),
        TableLabel(seeded.image.name, "a", 99, line=3),
        TableLabel(seeded.image.name, "a", None, 0, 0, line=4),
        TableLabel(run.images[0].stem, "a", 1, line=5),
        TableLabel("", "a", 2, line=6),  # there is one image only
    ]
    report, added = import_labels(exchange_of(run.id), lines)
    assert [sentence.split(":")[0] for sentence in report.left_out] == ["line 2", "line 3"]
    assert "no image 'nowhere'" in report.left_out[0]
    assert "no cell 99" in report.left_out[1]
    assert report.notes == (f"line 4: no cell of {seeded.image.name!r} at y = 0, x = 0: kept for another segmentation",)
    assert sorted(record.cell_id or 0 for record in added) == [0, 1, 2]
    assert len(labels_of_run(run.id).lost) == 1


def test_images_of_one_name_are_told_apart_by_their_ids(tmp_path):
    seeds = [seed_image(tmp_path, seed=seed, name="same.tif", side=128) for seed in (1, 2)]
    run = seed_run([replace(one, labels=grid(2)) for one in seeds], unlike=0.052)
    add_labels(run.project_id, [NewLabel(seeds[1].image.id, "a", run.id, 1)])
    (line,) = export_labels(exchange_of(run.project_id))
    assert line.image == seeds[1].image.id
    report, _ = import_labels(
        exchange_of(run.project_id), [replace(line, class_name="b"), TableLabel("same.tif", "a", 1)]
    )
    assert report.n_added == 1
    assert "2 images are called 'same.tif'" in report.left_out[0]
    rename_image(seeds[0].image.id, "other.tif")
    assert export_labels(exchange_of(run.project_id))[0].image == "same.tif"


def test_a_spelling_of_a_class_of_the_project_is_refused_whole(seeded, run, said):
    with pytest.raises(InputError, match="spelling alone"):
        import_labels(exchange_of(run.id), [TableLabel("", "fine", 1), TableLabel("", "X", 2)])
    assert len(list_labels(run.project_id)) == 3


def test_what_is_no_id_is_nothing():
    assert exchange_of("nowhere") is None
