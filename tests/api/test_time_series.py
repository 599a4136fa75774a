"""Groups, growth and lines over HTTP: asked for as jobs, listed, and their files read."""

import json

import pytest
from fastapi.testclient import TestClient

from cellapp.api.app import api
from cellapp.jobs import queue, worker_process
from cellapp.jobs.handlers import HANDLERS
from cellapp.jobs.project_series import REQUEST, LinesRequest, lines_folder
from cellapp.store import projects
from tests.jobs.test_time_series import quiet, seed_series
from tests.jobs.trainable import trainable_run


@pytest.fixture
def client(monkeypatch):
    monkeypatch.setattr(worker_process, "ensure_worker", lambda: None)
    return TestClient(api)


def work(job_id):
    """Do a job as the worker would."""
    job = queue.get_job(job_id)
    return HANDLERS[job.kind](dict(job.payload), quiet)


def test_groups_are_asked_for_listed_and_read(client, tmp_path):
    run = trainable_run(tmp_path)
    path = f"/runs/{run.id}/discover"
    assert client.get(path).json() == []
    asked = client.post(path, json={"of": "measured", "settings": {"method": "kmeans", "k": 2, "layout": "pca"}})
    assert asked.status_code == 202
    work(asked.json()["job"])
    [found] = client.get(path).json()
    assert (found["key"], found["k"]) == (asked.json()["key"], 2)
    assert client.get(f"{path}/{found['key']}/files/clusters.csv").text.startswith("image,cell_id,cluster")
    for wrong in (f"{found['key']}/files/run.json", "0/files/clusters.csv", f"{found['key']}/files/..%2fsummary.csv"):
        assert client.get(f"{path}/{wrong}").status_code == 404
    for body in ({"of": "nothing"}, {"condition": "plate"}, {"settings": {"k": 0}}):
        assert client.post(path, json=body).status_code == 422
    assert client.post("/runs/none/discover").status_code == 404


def test_growth_and_lines_of_a_project(client, tmp_path):
    project = projects.create_project("series")
    path = f"/projects/{project.id}"
    assert client.post(f"{path}/growth", json={}).status_code == 422
    seed_series(tmp_path / "s", project.id, lines=("coarse", "fine"), batches=2, places=1, times=2, side=64)
    listed = client.get(f"{path}/sequences").json()
    assert [one["batch"] for one in listed["sequences"]] == ["batch_0", "batch_1"] * 2
    assert listed["problems"] == []
    assert client.get(f"{path}/growth/growth.csv").status_code == 404
    work(client.post(f"{path}/growth", json={"left_out": [listed["sequences"][0]["name"]]}).json()["job"])
    assert len(client.get(f"{path}/growth/growth.csv").text.splitlines()) == 7
    assert client.get(f"{path}/growth/growth.svg").status_code == 200

    asked = client.post(f"{path}/lines", json={"recipe": {"epochs": 7}}).json()
    assert queue.get_job(asked["job"]).payload["recipe"]["epochs"] == 7
    request = LinesRequest.model_validate(dict(queue.get_job(asked["job"]).payload))
    folder = lines_folder(project.id, asked["key"])
    folder.mkdir(parents=True)
    (folder / REQUEST).write_text(request.model_dump_json())
    (folder / "metrics.json").write_text(json.dumps({"gap": 0.25}))
    [network] = client.get(f"{path}/lines").json()
    assert (network["key"], network["gap"]) == (asked["key"], 0.25)
    assert client.get(f"{path}/lines/{asked['key']}/files/metrics.json").json() == {"gap": 0.25}
    assert client.get(f"{path}/lines/{asked['key']}/files/predictions.csv").status_code == 404
    assert "has its line" in client.post(f"{path}/lines/{asked['key']}/predict", json={}).json()["error"]
    for wrong in ({"every_h": 0}, {"pattern": "{lin}"}, {"recipe": {"epochs": 0}}):
        assert client.post(f"{path}/lines", json=wrong).status_code == 422
    assert client.get("/projects/none/lines").status_code == 404
