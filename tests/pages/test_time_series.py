"""Time series, from a project without images to lines that were learned; and what the page says on the way."""

import json

import pandas as pd
import pytest

from cellapp.jobs import queue
from cellapp.jobs.handlers import HANDLERS
from cellapp.jobs.project_series import (
    GROWTH,
    LINES,
    NAME_LINES,
    REQUEST,
    LinesRequest,
    SeriesRequest,
    lines_folder,
    project_series,
)
from cellapp.store import images, projects
from tests.jobs.test_time_series import quiet, seed_series

PAGE = "pages/learn/time_series.py"
SENTENCE = "In batches it had not seen it names the line right for 50 % of sequences (25 to 75)"


def words(app):
    kinds = ("markdown", "caption", "warning", "error", "subheader")
    return " ".join(str(one.value) for kind in kinds for one in getattr(app, kind)).replace("\\", "")


@pytest.fixture
def series(tmp_path, home):
    project = projects.default_project()
    seed_series(tmp_path / "s", project.id, lines=("coarse", "fine"), batches=2, places=1, times=2, side=64)
    return project


@pytest.fixture
def learned(series):
    """The files of a network, as `lines train` writes them; no network has run."""
    request = LinesRequest(project_id=series.id)
    folder = lines_folder(series.id, request.key)
    folder.mkdir(parents=True)
    sequences = project_series(images.list_images(series.id), request).known
    called = ["coarse", "fine", "fine", "fine"]
    rows = [
        {"line": one.line, "batch": one.batch, "place": one.place, "called": name, "p_coarse": 0.4, "p_fine": 0.6}
        | {"sequence": one.name}
        for one, name in zip(sequences, called, strict=True)
    ]
    pd.DataFrame(rows).to_csv(folder / "held_out.csv", index=False)
    patches = [
        {"file": file, "y": 0, "x": 0, "time_h": time_h, "weight": 0.5, "image_id": key, "sequence": one.name}
        for one in sequences
        for file, key, time_h in zip(one.files, one.keys, one.times_h, strict=True)
    ]
    pd.DataFrame(patches).to_csv(folder / "attention.csv", index=False)
    score = {"accuracy": 0.5, "low": 0.25, "high": 0.75, "top_2": 1.0, "n": 4}
    metrics = {
        "batch_separated": score,
        "batch_stratified": score | {"accuracy": 1.0, "high": 1.0},
        "gap": 0.5,
        "tells_batch": True,
        "per_batch": {"batch_0": 1.0, "batch_1": 0.0},
        "baselines": {"mean": 0.5, "max": 0.5, "vote": 0.5},
        "lines": ["coarse", "fine"],
        "sentence": f"{SENTENCE}. What is told here is the batch, not the line.",
    }
    (folder / "metrics.json").write_text(json.dumps(metrics))
    (folder / REQUEST).write_text(request.model_dump_json())
    return request


def open_lines(open_page):
    app = open_page(PAGE)
    app.segmented_control(key="series_section").set_value("lines").run()
    assert not app.exception
    return app


def test_without_images_it_leads_to_upload(open_page, home):
    assert "No images yet" in words(open_page(PAGE))


def test_images_without_a_time_are_said_and_nothing_can_be_measured(open_page, seeded):
    app = open_page(PAGE)
    assert "does not end with a time" in words(app)
    assert "No image here is part of a time series" in " ".join(one.value for one in app.info)
    assert app.button(key="growth_start").disabled


def test_growth_is_asked_for_measured_and_shown(open_page, series, no_worker):
    app = open_page(PAGE)
    assert "How fast do they grow?" in words(app)
    app.button(key="growth_start").click().run()
    [job] = queue.list_jobs(series.id)
    assert (job.kind, app.button(key="growth_start").disabled) == (GROWTH, True)
    assert app.button(key=f"series_cancel_{GROWTH}")
    HANDLERS[GROWTH](dict(job.payload), quiet)
    queue.claim("w")
    queue.fail(job.id, "a damaged image", worker_id="w")
    said = words(open_page(PAGE))
    assert "coarse: no fit, fewer than 3 times" in said
    assert "A damaged image" in said
    assert no_worker


def test_a_wrong_pattern_is_one_sentence(open_page, series):
    app = open_page(PAGE)
    app.text_input(key="series_pattern").set_value("{lin}").run()
    assert "there is no field 'lin'" in words(app)
    app.text_input(key="series_pattern").set_value("{place}_{time}").run()
    assert "How fast" in words(app)


def test_lines_are_asked_for_with_the_sequences_that_stay(open_page, series):
    app = open_lines(open_page)
    assert "Which line is it" in words(app)
    app.button(key="lines_start").click().run()
    [job] = queue.list_jobs(series.id)
    assert job.kind == LINES
    assert LinesRequest.model_validate(job.payload) == LinesRequest(project_id=series.id)
    assert app.button(key="lines_start").disabled


def test_one_batch_is_refused_with_the_way_out(open_page, series):
    for record in images.list_images(series.id):
        images.set_conditions(record.id, {"batch": "one"})
    app = open_lines(open_page)
    assert app.button(key="lines_start").disabled
    assert "photograph it in another" in words(app)


def test_a_result_says_what_is_the_batch_and_new_sequences_can_be_named(open_page, learned):
    app = open_lines(open_page)
    assert "the batch, not the line" in words(app)
    assert app.button(key="lines_start").label == "Learn again"
    assert "What coarse/batch_0/VID1_A0_1 rests on" in words(app)
    assert "they can be named here" in words(app)
    for record in images.list_images(learned.project_id)[:2]:
        images.set_conditions(record.id, {"cell_line": ""})
    app = open_lines(open_page)
    app.button(key="lines_name").click().run()
    [job] = queue.list_jobs(learned.project_id)
    assert (job.kind, job.payload["key"]) == (NAME_LINES, learned.key)
    assert SeriesRequest(project_id=learned.project_id).model_dump(mode="json").items() <= job.payload.items()


def test_a_rerun_reads_the_store_a_few_times_only(open_page, learned, statements):
    app = open_lines(open_page)
    statements.clear()
    app.run()
    assert len(statements) <= 12, statements
