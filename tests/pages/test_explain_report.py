"""The report is made and taken home from the Explain page, and wrong cells are offered there."""

import numpy as np
import pytest

from cellapp.exports.report.figures import ReportFigure, write_figures
from cellapp.jobs import queue
from cellapp.jobs.make_report import REPORT, request_report
from cellapp.jobs.run_report import write_run_report
from cellapp.pipeline.reasons_by_example import Example, Reasons
from cellapp.store import job_rows, labels, runs
from cellapp.ui.components import model_badges
from cellapp.ui.session.results import results_of
from tests.classification.heads import random_head
from tests.pages.test_explain import PAGE, explained  # noqa: F401

pytestmark = pytest.mark.slow


def test_a_report_is_asked_for_once_and_its_failure_is_said(open_page, explained):  # noqa: F811
    run, _, _ = explained
    app = open_page(PAGE, run=run.id)
    app.button(key="make_report").click().run()
    (job,) = queue.list_jobs(run.project_id, active=True)
    assert (job.kind, dict(job.payload)) == (REPORT, {"run_id": run.id})
    assert request_report(run.id).id == job.id
    job_rows.change_job(job.id, only_if="queued", status="failed", error="the disk is full")
    app.run()
    assert any("The disk is full" in e.value for e in app.error)


def test_a_report_with_cells_is_offered_for_download(open_page, explained):  # noqa: F811
    run, _, _ = explained
    folder = runs.run_folder(run.id)
    write_figures(folder, [ReportFigure("a", "b", "<svg/>")], results_of(run).provenance.get("head"))
    write_run_report(runs.get_run(run.id))
    app = open_page(PAGE, run=run.id)
    assert any("Download the report" in str(element.proto) for element in app.get("download_button"))
    assert app.button(key="make_report").label == "Make it again"


def test_wrong_cells_are_offered_with_the_class_they_were_given(open_page, explained):  # noqa: F811
    run, known, _ = explained
    assert any("label some to see the wrong ones" in c.value for c in open_page(PAGE, run=run.id).caption)
    cells = results_of(run).cells.set_index("cell_id")
    other = {"cancer": "normal", "normal": "cancer"}[cells.loc[known[0], "label"]]
    labels.relabel(run.id, run.images[0].image_id, {known[0]: other})
    app = open_page(PAGE, run=run.id)
    app.selectbox(key="explain_list").select("Wrong").run()
    assert any(f"Cell {known[0]}" in m.value and f"labelled it **{other}**" in m.value for m in app.markdown)


def test_a_second_way_is_drawn_beside_the_first_on_one_scale(open_page, explained, monkeypatch):  # noqa: F811
    run, _, _ = explained
    monkeypatch.setattr(model_badges, "head_of", lambda _run: random_head(dim=4))
    monkeypatch.setattr("cellapp.ui.explain.cell_maps.takes_long", lambda *_: False)
    monkeypatch.setattr("cellapp.ui.explain.cell_maps._computed", lambda *_: {})
    app = open_page(PAGE, run=run.id)
    assert not app.exception
    titles = app.selectbox(key="explain_beside").options
    assert titles[0] == "Nothing"
    assert "Grad-CAM at the final norm" in titles
    app.selectbox(key="explain_beside").select("Grad-CAM at the final norm").run()
    assert not app.exception


def test_reasons_by_example_are_drawn_and_a_search_is_asked_for_once(open_page, explained, monkeypatch):  # noqa: F811
    run, known, _ = explained
    monkeypatch.setattr(model_badges, "head_of", lambda _run: random_head(dim=4))
    monkeypatch.setattr("cellapp.ui.explain.cell_maps._computed", lambda *_: {})
    picture = np.full((48, 48, 3), 9, np.uint8)
    near = tuple(Example(f"t{i}", "cancer", 0.5, picture) for i in range(2))
    found = Reasons("cancer", near, "", 40, 40, None)
    monkeypatch.setattr("cellapp.ui.explain.reasons_section.examples_of_cell", lambda *_: found)
    app = open_page(PAGE, run=run.id, cell=str(known[0]))
    app.toggle(key="explain_reasons").set_value(True).run()
    assert any("Of the 2 training cells nearest to it 2 are cancer" in m.value for m in app.markdown)
    app.button(key="explain_flip").click().run()
    (job,) = [job for job in queue.list_jobs(run.project_id, active=True) if job.kind == "flip"]
    assert job.payload["target"] == "cancer"
    job_rows.change_job(job.id, only_if="queued", status="done", result={"sentence": "Nothing flips it."})
    app.run()
    assert any("Nothing flips it" in m.value for m in app.markdown)
