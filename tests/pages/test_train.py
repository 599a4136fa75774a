"""Train, from conditions typed on Upload to a head that is used; and what the page says where that cannot be."""

import json

import pytest

from cellapp.exports.tables import read_cells
from cellapp.jobs import queue
from cellapp.jobs.handlers import HANDLERS
from cellapp.jobs.train import train
from cellapp.jobs.training_cells import TrainRequest
from cellapp.jobs.training_folder import work_folder
from cellapp.store import images, labels
from cellapp.store.heads import list_heads
from cellapp.store.label_rows import NewLabel
from cellapp.store.project_classes import set_classes
from cellapp.store.runs import list_runs, run_folder
from cellapp.training.classifier.recipe import FineTuning
from tests.jobs.trainable import trainable_run

PAGE = "pages/learn/train.py"


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch):
    monkeypatch.setattr("cellapp.evaluation.intervals.RESAMPLES", 10)


def words(app):
    return " ".join(str(element.value) for kind in ("markdown", "caption", "warning") for element in getattr(app, kind))


def work(project_id):
    """Do what is queued, as the worker does."""
    for job in queue.list_jobs(project_id):
        claimed = queue.claim("w")
        queue.finish(claimed.id, HANDLERS[job.kind](dict(job.payload), lambda *_: None), worker_id="w")


def test_without_cells_it_leads_to_segment(open_page):
    app = open_page(PAGE)
    assert "No cells yet" in words(app)
    assert all(button.key != "train_start" for button in app.button)


def test_a_run_that_found_no_cells_is_nothing_to_learn_from(open_page, run_of):
    run_of(n_cells=0, head=None)
    assert "No cells yet" in words(open_page(PAGE))


def test_without_conditions_it_leads_to_upload(open_page, run_of):
    run_of(head=None)
    app = open_page(PAGE)
    assert "Type it into the image table on Upload" in " ".join(info.value for info in app.info)
    assert all(button.key != "train_start" for button in app.button)


def test_the_positive_class_is_at_first_that_of_the_project(open_page, tmp_path):
    run = trainable_run(tmp_path)
    assert open_page(PAGE).selectbox(key="train_positive").value == "MCF10A"
    set_classes(run.project_id, ["MCF10A", "MCF7"], positive="MCF7")
    assert open_page(PAGE).selectbox(key="train_positive").value == "MCF7"


@pytest.mark.slow
def test_from_conditions_to_a_head_in_use(open_page, tmp_path, no_worker):
    run = trainable_run(tmp_path)
    app = open_page(PAGE)
    assert "MCF10A, MCF7, 4 images" in words(app)
    app.text_input(key="train_name_0").set_value("lines").run()
    app.button(key="train_start").click().run()
    assert not app.exception
    assert no_worker
    request = TrainRequest.model_validate(queue.list_jobs(run.project_id)[0].payload)
    assert (request.column, request.group_by, request.name) == ("cell_line", "image", "lines")
    assert request.classes == {"MCF10A": "MCF10A", "MCF7": "MCF7"}
    assert app.progress or "Training" in words(app)
    work(run.project_id)
    app.run()
    assert not app.exception
    assert "On 4 images it had not seen, it is right for" in words(app).replace("\\", "")
    assert "What speaks against trusting it" in words(app)
    app.button(key="train_use").click().run()
    assert not app.exception
    assert f"{run.name} gets classes by this head" in words(app)
    assert [one.id for one in list_runs(run.project_id)] == [run.id], "called from its vectors, not analysed again"
    assert list_heads(run.project_id)[0].name == "lines"
    assert list_heads(run.project_id)[0].identity in str(used(run.project_id))


def used(project_id):
    """What the runs and the jobs of a project name as head."""
    named = [run.settings.classify.head for run in list_runs(project_id)]
    return named + [dict(job.payload) for job in queue.list_jobs(project_id, active=False)]


def test_a_failed_training_says_why(open_page, tmp_path):
    run = trainable_run(tmp_path, 2)
    job = queue.submit("train", {}, run.project_id)
    queue.claim("w")
    queue.fail(job.id, "class 'b' has one cell", worker_id="w")
    assert any("has one cell" in error.value for error in open_page(PAGE).error)


@pytest.mark.slow
def test_one_image_per_class_says_what_to_photograph(open_page, tmp_path):
    run = trainable_run(tmp_path, 2)
    values = {"project_id": run.project_id, "run_ids": [run.id], "column": "cell_line", "name": "few"}
    train(TrainRequest.model_validate(values))
    said = words(open_page(PAGE)).replace("\\", "")
    assert "Not validated" in said
    assert "Photograph a second image of 'MCF10A'" in said


def test_one_class_cannot_be_started(open_page, tmp_path):
    run = trainable_run(tmp_path, 2)
    for row in run.images:
        images.set_conditions(row.image_id, {"cell_line": "MCF7"})
    assert open_page(PAGE).button(key="train_start").disabled


def give(run, image, classes, who=""):
    """Label the first cells of an image of a run by hand."""
    row = run.images[image]
    ids = read_cells(run_folder(run.id) / row.stem / "cells.parquet").query("qc_pass").index
    new = [NewLabel(row.image_id, name, run.id, int(one), who=who) for one, name in zip(ids, classes, strict=False)]
    return labels.add_labels(run.project_id, new)


@pytest.mark.slow
def test_labels_of_cells_teach_a_head_without_any_column(open_page, tmp_path, no_worker):
    run = trainable_run(tmp_path)
    for row in run.images:
        images.set_conditions(row.image_id, {"cell_line": ""})
        images.set_conditions(row.image_id, {"batch": ""})
    for image in range(4):
        give(run, image, ["debris", "alive", "debris"])
    give(run, 0, ["alive"], who="Bob")
    app = open_page(PAGE)
    assert "Labels of single cells: 12 by hand" in [box.label for box in app.checkbox][0]
    assert "people disagree about 1, which are left out" in words(app)
    assert "11 of 34 cells of" in words(app)
    app.button(key="train_start").click().run()
    assert not app.exception
    request = TrainRequest.model_validate(queue.list_jobs(run.project_id)[0].payload)
    assert (request.column, request.cell_labels) == (None, True)
    work(run.project_id)
    assert list_heads(run.project_id)[0].metrics["n"] == 11


def test_labels_win_over_the_column_until_they_are_switched_off(open_page, tmp_path):
    run = trainable_run(tmp_path, 2)
    before = words(open_page(PAGE))
    give(run, 0, ["debris"])
    app = open_page(PAGE)
    assert "MCF10A, MCF7, debris, 2 images" in words(app)
    app.checkbox(key="train_cell_labels").uncheck().run()
    assert "MCF10A, MCF7, 2 images" in words(app)
    assert "MCF10A, MCF7, 2 images" in before


@pytest.mark.parametrize(("given", "first"), [(["dead", "alive"], None), (["MCF7", "alive"], "cell_line")])
def test_classes_of_labels_and_of_a_column_are_not_mixed_unasked(open_page, tmp_path, given, first):
    give(trainable_run(tmp_path, 2), 0, given)
    app = open_page(PAGE)
    assert app.selectbox(key="train_column").value == first
    assert ("MCF10A" in words(app)) == (first is not None)


def test_fine_tuning_is_chosen_with_its_own_choices_and_shows_its_curves(open_page, tmp_path, no_worker):
    run = trainable_run(tmp_path, 2)
    app = open_page(PAGE)
    app.segmented_control(key="train_mode").set_value("finetune").run()
    assert not app.exception
    assert "measured on a few batches before the first one" in words(app)
    app.number_input(key="tune_blocks").set_value(2)
    app.number_input(key="tune_epochs").set_value(4)
    app.button(key="train_start").click().run()
    assert not app.exception
    (job,) = queue.list_jobs(run.project_id)
    recipe = TrainRequest.model_validate(dict(job.payload)).recipe
    expected = FineTuning(blocks=2, epochs=4)
    assert (recipe.mode, recipe.finetune, recipe.resample) == ("finetune", expected, "none")
    assert "Curves come with the first epoch" in words(app)
    assert "2. How: fine-tuning" in [one.label for one in open_page(PAGE).expander], "in another visit, too"
    folder = work_folder(job.payload["work"]) / "head"
    folder.mkdir(parents=True)
    curves = {"planned": 3, "epochs": 4, "epoch_s": [20.0, 31.0], "fits": []}
    (folder / "epochs.json").write_text(json.dumps(curves))
    app.run()
    assert "An epoch takes 20 s to 31 s here, all 12 epochs 4 min to 6 min at most." in words(app)
    point = {"training_loss": 0.4, "validation_loss": 0.5, "validation_balanced_accuracy": 0.8, "epoch": 1}
    curves["fits"] = [{"name": "fold 1", "points": [point], "best": 1}]
    (folder / "epochs.json").write_text(json.dumps(curves))
    app.run()
    assert not app.exception
    assert "Curves come with the first epoch" not in words(app)
    assert len(app.get("plotly_chart")) == 2
