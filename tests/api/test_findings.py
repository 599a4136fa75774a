"""Findings are asked for and read over HTTP."""

import pytest
from fastapi.testclient import TestClient

from cellapp.api.app import api
from cellapp.explanation.finding_tables import with_truth
from cellapp.explanation.findings import findings
from cellapp.exports.explanations import summary_path
from cellapp.exports.tables import write_cells
from cellapp.jobs import queue, worker_process
from cellapp.store import runs
from tests.explanation.test_findings import measured
from tests.pages.seeding import seed_image, seed_run


@pytest.fixture
def client(monkeypatch):
    monkeypatch.setattr(worker_process, "ensure_worker", lambda: None)
    return TestClient(api)


def test_findings_are_measured_by_the_worker_and_then_read(client, tmp_path):
    run = seed_run([seed_image(tmp_path)], n_cells=3)
    assert client.get(f"/runs/{run.id}/findings", params={"target": "cancer"}).status_code == 404
    job = client.post(f"/runs/{run.id}/findings", params={"target": "cancer"}).json()["job"]
    assert queue.get_job(job).payload == {"run_id": run.id, "target": "cancer"}
    table = measured(1, 12).assign(stem=run.images[0].stem, target="cancer").drop(columns="truth")
    write_cells(table, summary_path(runs.run_folder(run.id), "cancer"))
    answer = client.get(f"/runs/{run.id}/findings", params={"target": "cancer"})
    assert answer.status_code == 200
    assert answer.json() == findings(with_truth(table, {}), "cancer").as_json()
    assert client.get(f"/runs/{run.id}/findings", params={"target": "normal"}).status_code == 404


def test_a_run_without_a_head_or_that_is_not_there_has_none(client, tmp_path):
    run = seed_run([seed_image(tmp_path)], head=None, n_cells=3)
    assert client.post(f"/runs/{run.id}/findings", params={"target": "cancer"}).status_code == 422
    assert client.post("/runs/none/findings", params={"target": "cancer"}).status_code == 404
    assert client.get(f"/runs/{run.id}/findings").status_code == 422
