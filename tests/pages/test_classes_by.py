"""Whose classes the Classify page shows: another head is called from the page, and switching back is at once."""

from dataclasses import replace

import pytest

from cellapp.exports.class_versions import read_versions
from cellapp.jobs import queue
from cellapp.jobs.handlers import HANDLERS
from cellapp.jobs.rescore import request_rescore
from cellapp.jobs.worker import run_worker
from cellapp.models.registry import stored_head
from cellapp.store import labels, runs
from cellapp.store.images import set_conditions
from cellapp.ui.session.results import results_of
from tests.evaluation.calls import random_calls, write_calls
from tests.jobs.test_rescore import keep_random, make_head
from tests.pages.seeding import seed_image, seed_run

pytestmark = pytest.mark.slow

PAGE = "pages/analyse/classify.py"


@pytest.fixture
def run(tmp_path):
    """A run that a second head called, with a class by hand; its pictures still wait."""
    run = seed_run([seed_image(tmp_path)], n_cells=6)
    keep_random(run, 1)
    labels.relabel(run.id, run.images[0].image_id, {1: "mitotic"})
    request_rescore(run.id, make_head(tmp_path, "mine", classes=("tumour", "normal")))
    run_worker(once=True, handlers={"rescore": HANDLERS["rescore"]})
    return runs.get_run(run.id)


def choice(app):
    return next(box for box in app.selectbox if box.label == "Classes by")


def test_switching_shows_the_other_classes_before_any_file_is_written(open_page, run):
    app = open_page(PAGE, run=run.id)
    first, second = (version.id for version in read_versions(runs.run_folder(run.id)).versions)
    assert choice(app).value == second
    assert results_of(run).classes == ("tumour", "normal")
    choice(app).set_value(first).run()
    assert not app.exception
    again = results_of(runs.get_run(run.id))
    assert (again.classes, again.run.settings.classify.head) == (("cancer", "normal"), "demo-head")
    assert "synthetic" in again.demonstration
    assert "mitotic" in set(again.called()["outcome"])
    assert choice(app).value == first
    assert [job.kind for job in queue.list_jobs(run.project_id)] == ["rescore", "pictures"]


def test_a_run_with_one_head_has_no_choice_and_a_head_that_cannot_read_it_is_refused(open_page, tmp_path):
    run = seed_run([seed_image(tmp_path)], n_cells=3)
    app = open_page(PAGE, run=run.id)
    assert not [box for box in app.selectbox if box.label == "Classes by"]
    assert not read_versions(runs.run_folder(run.id)).versions


def test_pages_read_classes_of_the_active_head_and_the_measurements_of_the_files(run):
    shown, folder = results_of(run), runs.run_folder(run.id)
    assert shown.provenance["head"].startswith("mine@")
    assert not shown.demonstration
    assert shown.cells["area_px"].notna().all()
    assert len(shown.cells) == run.images[0].n_cells
    assert str(folder) in str(shown.folder)


def test_fractions_of_populations_are_folded_and_drawn_when_asked_for(open_page, run, monkeypatch):
    monkeypatch.setattr("cellapp.evaluation.quantification.DRAWS", 20)
    head = runs.get_run(run.id).settings.classify.head
    calls = random_calls(skill=2, n_groups=20, classes=("normal", "tumour"))
    write_calls(stored_head(head), replace(calls, head=head, positive="tumour"))
    set_conditions(run.images[0].image_id, {"cell_line": "tumour:normal=1:1"})
    app = open_page(PAGE, run=run.id)
    said = "Root mean square error"
    assert not any(said in caption.value for caption in app.caption)
    app.session_state["classify_populations"] = True
    app.run()
    assert not app.exception
    assert any(said in caption.value for caption in app.caption)
    table = next(frame.value for frame in app.dataframe if "corrected" in frame.value)
    assert list(table["images"]) == ["cells"] * 2 + ["condition tumour:normal=1:1"] * 2 + ["all images"] * 2
    (stored_head(head) / "folds.csv").unlink()
    set_conditions(run.images[0].image_id, {"cell_line": ""})
    app.run()
    assert any("No corrected fractions" in caption.value for caption in app.caption)
