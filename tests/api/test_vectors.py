"""Vectors are asked for over HTTP, and the job that makes them is followed."""

import pytest
from fastapi.testclient import TestClient

from cellapp.api.app import api
from cellapp.jobs import queue, worker, worker_process
from cellapp.jobs.handlers import HANDLERS
from cellapp.settings import VectorSettings
from cellapp.store import projects
from tests.jobs.test_rescore import keep_random, make_head
from tests.pages.seeding import seed_image, seed_run


@pytest.fixture
def client(monkeypatch):
    monkeypatch.setattr(worker_process, "ensure_worker", lambda: None)
    return TestClient(api)


def test_a_run_without_cells_has_its_vectors_at_once(client, tmp_path):
    run = seed_run([seed_image(tmp_path)], head=None, n_cells=0)
    job = client.post(f"/runs/{run.id}/vectors", json={"head": "demo-head"}).json()["job"]
    assert client.get(f"/jobs/{job}").json()["status"] == "queued"
    assert queue.get_job(job).payload == {"run_id": run.id, "head": "demo-head"}
    worker.run_worker(once=True, handlers={"vectors": HANDLERS["vectors"]})
    assert client.get(f"/jobs/{job}").json()["result"] == {"n_encoded": 0}


def test_unknown_runs_jobs_and_projects_are_404(client):
    for answer in (client.post("/runs/none/vectors"), client.get("/jobs/none")):
        assert (answer.status_code, list(answer.json())) == (404, ["error"])
    assert client.put("/projects/none/vectors", json={}).status_code == 404


def test_the_way_of_a_project_is_set_whole_or_not_at_all(client):
    project = projects.default_project().id
    assert (
        client.put(f"/projects/{project}/vectors", json={"encoder": "facebook/dinov2-small"}).json()["crop"]["size_px"]
        == 64
    )
    assert projects.project_vectors(project) == VectorSettings(encoder="facebook/dinov2-small")
    assert client.put(f"/projects/{project}/vectors", json={"encoder": "a", "cut": 3}).status_code == 422
    assert projects.project_vectors(project).encoder == "facebook/dinov2-small"


def test_classes_are_made_listed_and_chosen(client, tmp_path):
    run = seed_run([seed_image(tmp_path)], n_cells=4)
    keep_random(run, 1)
    assert client.get(f"/runs/{run.id}/classes").json() == {"active": None, "versions": []}
    head = make_head(tmp_path, "mine")
    answer = client.post(f"/runs/{run.id}/classes", json={"head": head, "threshold": 0.3})
    assert answer.status_code == 202
    worker.run_worker(once=True, handlers={"rescore": HANDLERS["rescore"]})
    assert client.get(f"/jobs/{answer.json()['job']}").json()["status"] == "done"
    known = client.get(f"/runs/{run.id}/classes").json()
    first, second = known["versions"]
    assert known["active"] == second["id"]
    assert (second["settings"]["head"], second["settings"]["threshold"]) == (head, 0.3)
    assert client.post(f"/runs/{run.id}/classes", json={"version": first["id"]}).status_code == 202
    assert client.get(f"/runs/{run.id}/classes").json()["active"] == first["id"]
    assert client.get(f"/runs/{run.id}").json()["settings"]["classify"]["head"] == "demo-head"


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({}, 422),
        ({"head": "demo-head", "version": "a"}, 422),
        ({"version": "a"}, 422),
        ({"head": "no such head"}, 422),
        ({"head": "demo-head"}, 409),
    ],
)
def test_classes_that_cannot_be_had_are_one_sentence(client, tmp_path, asked, status):
    run = seed_run([seed_image(tmp_path)], n_cells=1)
    answer = client.post(f"/runs/{run.id}/classes", json=asked)
    assert answer.status_code == status
    assert list(answer.json()) == ["error"]
    assert not queue.list_jobs(run.project_id)
