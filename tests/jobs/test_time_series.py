"""Time series of a project: sequences from conditions and names, growth, lines learned and new sequences named."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cellapp.errors import InputError, StoreError
from cellapp.jobs import queue
from cellapp.jobs.handlers import HANDLERS
from cellapp.jobs.project_series import (
    GROWTH,
    LINES,
    NAME_LINES,
    LinesRequest,
    SeriesRequest,
    counted_cells,
    growth_folder,
    lines_folder,
    list_lines,
    project_series,
    read_metrics,
    reason_not_to_learn,
    request_series,
)
from cellapp.store import images, projects, uploads
from cellapp.training.lines.recipe import LineRecipe
from tests.training.lines.series import write_series

QUICK = LineRecipe(epochs=15, segments=2)


@pytest.fixture(autouse=True)
def no_worker(monkeypatch, home):
    monkeypatch.setattr("cellapp.jobs.worker_process.ensure_worker", lambda *_: None)


def seed_series(folder, project_id, *, named=True, **how):
    """Upload a synthetic series; lines and batches are typed in as conditions, unless it is to be named."""
    write_series(folder, **how)
    for path in sorted(folder.rglob("*.png")):
        record = uploads.add_image(project_id, path, path.name)
        line, batch = path.relative_to(folder).parts[:2]
        images.set_conditions(record.id, {"cell_line": line, "batch": batch} if named else {"batch": "new"})


@pytest.fixture
def project(tmp_path):
    found = projects.create_project("series")
    seed_series(tmp_path / "known", found.id, lines=("coarse", "fine"), batches=2, places=1, times=2, side=96)
    return found


def quiet(step, part):
    assert 0 <= part <= 1


def test_sequences_come_from_conditions_and_names(project):
    request = SeriesRequest(project_id=project.id)
    series = project_series(images.list_images(project.id), request)
    assert [(one.line, one.batch, one.place, one.times_h) for one in series.known] == [
        (line, f"batch_{batch}", "VID1_A0_1", (0.5, 4.5)) for line in ("coarse", "fine") for batch in (0, 1)
    ]
    assert not series.problems
    left = request.model_copy(update={"left_out": (series.known[0].name,)})
    assert len(project_series(images.list_images(project.id), left).sequences) == 3
    record = images.list_images(project.id)[0]
    for name, conditions, said in (
        ("x.png", {}, "does not end with a time"),
        ("x.png", {"time": "noon"}, "is no time"),
        ("x.png", {"time": "36 h", "treatment": "drug", "dose": "5"}, ""),
    ):
        series = project_series([replace(record, name=name, conditions=conditions)], request)
        assert [said in problem for problem in series.problems] == ([True] if said else [])
    assert (series.sequences[0].place, series.sequences[0].times_h, series.sequences[0].treatment) == (
        "x",
        (36.0,),
        "drug, 5",
    )
    movie = replace(record, name="film", info=replace(record.info, time="t003", file="film.czi"), conditions={})
    [one] = project_series([movie], request.model_copy(update={"every_h": 0.5})).sequences
    assert (one.place, one.times_h) == ("film", (1.5,))
    with pytest.raises(InputError, match="no field 'lin'"):
        project_series([record], request.model_copy(update={"pattern": "{lin}"}))


def test_growth_is_measured_once_per_image(project, monkeypatch):
    request = SeriesRequest(project_id=project.id)
    job = request_series(GROWTH, request)
    assert HANDLERS[job.kind](dict(job.payload), quiet) == {"project_id": project.id}
    growth = pd.read_csv(growth_folder(project.id) / "growth.csv")
    assert len(growth) == 8
    assert growth["confluency"].between(0.01, 0.99).all()
    assert set(growth["condition"]) == {"coarse", "fine"}
    monkeypatch.setattr("cellapp.jobs.time_series.covered_share", lambda plane: pytest.fail("measured twice"))
    HANDLERS[GROWTH](request.model_dump(mode="json"), quiet)


@pytest.mark.slow
def test_lines_are_learned_from_known_sequences_and_new_ones_named(project, tmp_path):
    request = LinesRequest(project_id=project.id, recipe=QUICK)
    with pytest.raises(InputError, match="no encoder '/srv/models'"):
        request_series(LINES, LinesRequest(project_id=project.id, encoder="/srv/models"))
    with pytest.raises(InputError, match="every sequence has its line"):
        request_series(NAME_LINES, request, key=request.key)
    assert HANDLERS[LINES](request.model_dump(mode="json"), quiet) == {"key": request.key}
    folder = lines_folder(project.id, request.key)
    assert list_lines(project.id) == (request,)
    assert {"batch_separated", "batch_stratified", "gap", "sentence"} <= set(read_metrics(folder))
    attention = pd.read_csv(folder / "attention.csv")
    assert set(attention["image_id"]) == {record.id for record in images.list_images(project.id)}
    assert attention.groupby("sequence")["weight"].sum().to_numpy() == pytest.approx(np.ones(4), rel=1e-4)
    seed_series(
        tmp_path / "new", project.id, named=False, lines=("fine",), batches=1, places=1, times=2, side=96, seed=5
    )
    series = SeriesRequest(project_id=project.id)
    job = request_series(NAME_LINES, series, key=request.key)
    assert HANDLERS[job.kind](json.loads(json.dumps(dict(job.payload))), quiet) == {"key": request.key}
    said = pd.read_csv(folder / "named" / "predictions.csv", keep_default_na=False)
    assert said["line"].tolist() == [""]
    assert said["batch"].tolist() == ["new"]


def test_what_cannot_be_learned_is_said_before_it_is_queued(project, tmp_path):
    request = LinesRequest(project_id=project.id, recipe=QUICK)
    for record in images.list_images(project.id):
        if record.conditions["batch"] == "batch_1" and record.conditions["cell_line"] == "fine":
            images.remove_image(record.id)
    with pytest.raises(InputError, match="line 'fine' is in one batch"):
        request_series(LINES, request)
    assert reason_not_to_learn([]).startswith("naming lines needs")
    with pytest.raises(InputError, match="upload a time series"):
        request_series(GROWTH, SeriesRequest(project_id=projects.create_project("empty").id))
    assert not queue.list_jobs(project.id)
    for wrong in ("../../x", "", "0123456789ABCDEF"):
        with pytest.raises(InputError, match="names no network"):
            lines_folder(project.id, wrong)
    with pytest.raises(StoreError):
        projects.get_project("none")
    assert counted_cells([]) == {}
