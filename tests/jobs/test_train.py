"""A head trained on the page, by the worker and on the command line is one and the same."""

import json
import shutil

import pytest

from cellapp.cli import main
from cellapp.errors import Cancelled, InputError
from cellapp.evaluation.verdict import verdict_of
from cellapp.exports.tables import read_cells
from cellapp.jobs import queue, worker_process
from cellapp.jobs.evaluations import looks_of
from cellapp.jobs.handlers import HANDLERS
from cellapp.jobs.train import TrainRequest, cells_of_project, request_training, train
from cellapp.models.load import load_model
from cellapp.models.registry import stored_head
from cellapp.store import images, labels, runs
from cellapp.store.heads import get_head, list_heads, remove_head
from cellapp.store.label_rows import NewLabel
from cellapp.store.project_classes import set_classes
from cellapp.store.purge import purge_heads
from cellapp.training.classifier.recipe import HeadRecipe
from tests.jobs.trainable import CLASSES, LINES, trainable_run


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr("cellapp.evaluation.intervals.RESAMPLES", 10)
    monkeypatch.setattr(worker_process, "ensure_worker", lambda *_: None)


@pytest.fixture
def run(tmp_path):
    return trainable_run(tmp_path)


def request(run, **changes):
    values = {"project_id": run.project_id, "run_ids": [run.id], "column": "cell_line", "classes": CLASSES}
    return TrainRequest.model_validate(values | {"name": "lines", "recipe": {"folds": 2}} | changes)


@pytest.mark.parametrize("group_by", ["image", "batch"])
def test_page_and_command_line_give_the_same_head(run, tmp_path, group_by, capsys):
    record = train(request(run, group_by=group_by))
    table = tmp_path / "conditions.csv"
    rows = [f"well {k}.tif;{LINES[k % 2]};day {k // 2}" for k in range(4)]
    table.write_text("\ufeff" + "\r\n".join(["File;cell_line;batch", *rows]), encoding="utf-8")
    options = ["--group-column", "batch"] if group_by == "batch" else []
    classes = ",".join(f"{value}={name}" for value, name in CLASSES.items())
    folder = str(runs.run_folder(run.id))
    arguments = [str(table), "--run", folder, "--column", "cell_line", "--classes", classes, "--folds", "2", *options]
    assert main(["train", *arguments, "--out", str(tmp_path / "lines"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["head"] == record.identity
    for name in ("head.json", "head.safetensors", "folds.csv", "recipe.toml", "card.md"):
        assert (tmp_path / "lines" / name).read_bytes() == (record.folder / name).read_bytes(), name


@pytest.mark.parametrize(("recipe", "positive"), [({}, "normal"), ({"positive": "cancer"}, "cancer")])
def test_the_positive_class_is_that_of_the_recipe_else_of_the_project(run, recipe, positive):
    set_classes(run.project_id, ["cancer", "normal"], positive="normal")
    record = train(request(run, recipe={"folds": 2} | recipe))
    assert json.loads((record.folder / "metrics.json").read_text())["positive"] == positive


def test_later_heads_are_told_how_often_their_images_were_looked_at(run, tmp_path, capsys):
    first = train(request(run))
    label_cells_of(run, 0, ["cancer"], who="Ada")
    second = train(request(run, cell_labels=True, name="second"))
    remove_head(first.id)
    assert purge_heads(older_than_s=-1) == 1, "what was looked at stays when the head goes"
    assert (looks_of(first).n, looks_of(second).n) == (0, 1)
    table = tmp_path / "images.csv"
    table.write_text("\n".join(["file,class", *(f"well {k}.tif,{CLASSES[LINES[k % 2]]}" for k in range(4))]))
    folder = runs.run_folder(run.id)
    options = ["--folds", "2", "--seed", "1", "--class-weights", "--out", str(tmp_path / "third"), "--json"]
    assert main(["train", str(table), "--run", str(folder), *options]) == 0
    looks = json.loads(capsys.readouterr().out.splitlines()[-1])["earlier_looks"]
    assert looks["n"] == 2
    assert looks["sentence"].startswith("These images have been scored by 2 earlier heads")
    shutil.copytree(folder, tmp_path / "elsewhere")
    assert main(["train", str(table), "--run", str(tmp_path / "elsewhere"), *options]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["earlier_looks"] is None, "no project, no memory"


def test_a_head_that_could_not_be_scored_is_no_look(run):
    for row in run.images[2:]:
        images.remove_image(row.image_id)
    train(request(run))
    for row in run.images[2:]:
        images.restore_image(row.image_id)
    assert looks_of(train(request(run))).n == 0


def test_the_worker_keeps_the_head_in_the_project(run):
    job = request_training(request(run))
    result = HANDLERS[job.kind](dict(job.payload), lambda step, part: None)
    assert [one.id for one in list_heads(run.project_id)] == [result["head_id"]]
    head = load_model(get_head(result["head_id"]).identity)
    assert (head.name, head.classes, head.positive) == ("lines", ("cancer", "normal"), "cancer")
    again = HANDLERS[job.kind](dict(job.payload), lambda step, part: None)
    assert again == result, "started again after a kill it gives the same head"


def test_a_cancelled_training_keeps_nothing(run):
    def stop(step, part):
        if step == "Measuring":
            raise Cancelled

    with pytest.raises(Cancelled):
        train(request(run), stop)
    assert list_heads(run.project_id) == ()


def test_values_of_no_class_and_images_in_the_bin_are_left_out(run):
    images.set_conditions(run.images[0].image_id, {"cell_line": "HeLa"})
    images.remove_image(run.images[1].image_id)
    cells = cells_of_project(request(run))
    assert set(cells.images) == {run.images[2].stem, run.images[3].stem}
    assert cells.left_out == (f"{run.images[0].stem}: 'HeLa' is of no class",)


def test_one_image_per_class_is_trained_and_not_validated(run):
    for row in run.images[2:]:
        images.remove_image(row.image_id)
    metrics = train(request(run)).metrics
    assert (metrics["validated"], metrics["n_groups"]) == (False, 2)
    judged = verdict_of(stored_head(metrics["head"]))
    assert judged.doubts[0].startswith("Photograph a second image of 'cancer' and a second image of 'normal'")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"column": "treatment"}, "'treatment' is empty in all 4 images"),
        ({"classes": {"MCF7": "cancer"}}, "at least two classes"),
        ({"group_by": "time"}, "no image has a 'time'"),
        ({"recipe": HeadRecipe(positive="x")}, "positive class 'x'"),
    ],
)
def test_what_cannot_be_trained_is_said_in_a_sentence(run, changes, words):
    with pytest.raises(InputError, match=words):
        train(request(run, **changes))


@pytest.mark.parametrize(
    "changes", [{"column": "colour"}, {"group_by": "colour"}, {"group_by": "cell_line"}, {"name": "a/b"}]
)
def test_a_request_that_can_never_work_is_not_queued(run, changes):
    with pytest.raises(InputError):
        request_training(request(run, **changes))
    assert queue.list_jobs(active=False) == ()


def test_the_command_line_names_what_is_wrong(run, tmp_path, capsys):
    table = tmp_path / "conditions.csv"
    table.write_text("file,cell_line\nwell 0.tif,MCF7\nwell 0.tif,MCF7\n")
    folder, out = str(runs.run_folder(run.id)), str(tmp_path / "head")
    for arguments, words in (
        ([str(table), "--run", str(tmp_path / "none")], "no analysed image in"),
        ([str(table), "--run", folder], "no column 'class'"),
        ([str(table), "--run", folder, "--column", "cell_line"], "in 2 lines"),
        ([str(table), "--run", folder, "--column", "cell_line", "--classes", "MCF7"], "value=class"),
        ([str(table), "--run", folder, "--column", "cell_line", "--views", "1"], "leave out 'views'"),
        ([str(tmp_path), "--column", "cell_line"], "name its folder with --run"),
    ):
        assert main(["train", *arguments, "--out", out]) == 2
        assert words in capsys.readouterr().err


def label_cells_of(run, image, classes, **more):
    """Give the first accepted cells of an image of a run these classes by hand."""
    row = run.images[image]
    ids = read_cells(runs.run_folder(run.id) / row.stem / "cells.parquet").query("qc_pass").index
    new = [NewLabel(row.image_id, name, run.id, int(one), **more) for one, name in zip(ids, classes, strict=False)]
    return labels.add_labels(run.project_id, new)


def exported(run, tmp_path):
    path = tmp_path / "labels.csv"
    assert main(["label", "export", run.id, str(path)]) == 0
    return str(path)


@pytest.mark.parametrize("column", [None, "cell_line"])
def test_labels_of_cells_give_the_same_head_on_page_and_command_line(run, tmp_path, column, capsys):
    for image in range(4):
        label_cells_of(run, image, ["cancer", "normal", "cancer", "normal"], who="Ada")
    record = train(request(run, column=column, cell_labels=True))
    folder, given = str(runs.run_folder(run.id)), exported(run, tmp_path)
    table = tmp_path / "images.csv"
    rows = [f"well {k}.tif,{LINES[k % 2]}" for k in range(4)]
    table.write_text("\n".join(["file,cell_line", *rows]))
    classes = ",".join(f"{value}={name}" for value, name in CLASSES.items())
    options = [str(table), "--labels", given, "--column", column, "--classes", classes] if column else [given]
    assert main(["train", *options, "--run", folder, "--folds", "2", "--out", str(tmp_path / "lines"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["head"] == record.identity
    for name in ("head.json", "head.safetensors", "folds.csv"):
        assert (tmp_path / "lines" / name).read_bytes() == (record.folder / name).read_bytes(), name


def test_a_person_wins_over_the_column_and_people_who_disagree_teach_nothing(run):
    given = label_cells_of(run, 0, ["cancer"], who="Ada")  # the column says normal
    label_cells_of(run, 1, ["normal"], who="Ada")
    label_cells_of(run, 1, ["debris"], who="Bob")
    cells = cells_of_project(request(run, cell_labels=True))
    by_cell = dict(zip(zip(cells.images, cells.cell_ids.tolist(), strict=True), cells.labels, strict=True))
    first, second = run.images[0].stem, run.images[1].stem
    assert by_cell[first, given[0].cell_id] == "cancer"
    assert {name for (image, _), name in by_cell.items() if image == first} == {"cancer", "normal"}
    assert f"{second}: people disagree about 1 cell" in cells.left_out
    without = cells_of_project(request(run))
    assert len(cells) == len(without) - 1


def test_without_labels_or_column_it_is_said(run):
    with pytest.raises(InputError, match="name a column of the image table, or take the labels"):
        request_training(request(run, column=None))
    with pytest.raises(InputError, match="no cell of these images has a label"):
        cells_of_project(request(run, column=None, cell_labels=True))


def test_an_image_of_two_runs_is_taken_once(run):
    twice = cells_of_project(request(run, run_ids=[run.id, run.id]))
    assert len(twice) == len(cells_of_project(request(run)))


def test_heads_of_folds_are_kept_of_runs_too(run, tmp_path, capsys):
    table = tmp_path / "images.csv"
    table.write_text("\n".join(["file,class", *(f"well {k}.tif,{LINES[k % 2]}" for k in range(4))]))
    options = ["--run", str(runs.run_folder(run.id)), "--folds", "2", "--keep-folds"]
    assert main(["train", str(table), *options, "--out", str(tmp_path / "lines")]) == 0
    folds = [tmp_path / "lines" / "folds" / name for name in ("1", "2")]
    assert main(["ensemble", *map(str, folds), "--out", str(tmp_path / "both")]) == 0
    assert "not validated: each of its heads learnt from the cells that others" in capsys.readouterr().err
