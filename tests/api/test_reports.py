"""Reports are asked for and read over HTTP."""

import pytest
from fastapi.testclient import TestClient

from cellapp.api.app import api
from cellapp.jobs import worker, worker_process
from cellapp.jobs.handlers import HANDLERS
from cellapp.store import runs
from tests.pages.seeding import seed_image, seed_run


@pytest.fixture
def client(monkeypatch):
    monkeypatch.setattr(worker_process, "ensure_worker", lambda: None)
    return TestClient(api)


def test_a_report_is_made_by_the_worker_and_then_read(client, tmp_path):
    run = seed_run([seed_image(tmp_path)], head=None, n_cells=3)
    (runs.run_folder(run.id) / "report.html").unlink(missing_ok=True)
    assert client.get(f"/runs/{run.id}/report").status_code == 404
    job = client.post(f"/runs/{run.id}/report").json()["job"]
    assert client.post(f"/runs/{run.id}/report").json()["job"] == job
    worker.run_worker(once=True, handlers={"report": HANDLERS["report"]})
    done = client.get(f"/jobs/{job}").json()
    assert (done["status"], done["result"]["n_figures"]) == ("done", 0)
    assert "without classes" in done["result"]["not_shown"]
    answer = client.get(f"/runs/{run.id}/report")
    assert answer.headers["content-type"].startswith("text/html")
    assert run.name in answer.text


def test_a_run_that_is_not_there_has_none(client):
    assert client.post("/runs/none/report").status_code == client.get("/runs/none/report").status_code == 404


def test_reasons_need_a_head_and_a_search_is_queued_once(client, tmp_path):
    seeded = seed_image(tmp_path)
    counted = seed_run([seeded], head=None, n_cells=3)
    cell = f"/runs/{counted.id}/images/{seeded.image.id}/cells/1"
    assert client.get(f"{cell}/reasons").status_code == 409
    assert client.post(f"{cell}/flip?target=cancer").status_code == 409
    run = seed_run([seeded], n_cells=3)
    cell = f"/runs/{run.id}/images/{seeded.image.id}/cells/1"
    job = client.post(f"{cell}/flip?target=cancer")
    assert job.status_code == 202
    assert client.post(f"{cell}/flip?target=cancer").json() == job.json()
    assert client.get(f"/jobs/{job.json()['job']}").json()["kind"] == "flip"
    assert client.post(f"/runs/{run.id}/images/none/cells/1/flip?target=cancer").status_code == 404
