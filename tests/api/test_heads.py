"""A head trained over HTTP is the one that the command line trains, with the same evidence, and travels as one zip."""

import json
import shutil
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from cellapp.api.app import api
from cellapp.classification.head_io import save_head
from cellapp.cli import main
from cellapp.jobs import queue, worker, worker_process
from cellapp.jobs.handlers import HANDLERS
from cellapp.store import heads, projects, runs
from tests.classification.heads import random_head
from tests.jobs.trainable import CLASSES, LINES, trainable_run


@pytest.fixture
def client(monkeypatch):
    monkeypatch.setattr("cellapp.evaluation.intervals.RESAMPLES", 10)
    monkeypatch.setattr(worker_process, "ensure_worker", lambda *_: None)
    return TestClient(api)


@pytest.fixture
def run(tmp_path):
    return trainable_run(tmp_path)


def body(run, **changes):
    asked = {"run_ids": [run.id], "column": "cell_line", "classes": CLASSES, "name": "lines", "recipe": {"folds": 2}}
    return asked | changes


def trained(client, run, **changes):
    answer = client.post(f"/projects/{run.project_id}/heads", json=body(run, **changes))
    assert answer.status_code == 202, answer.text
    worker.run_worker(once=True, handlers={"train": HANDLERS["train"]})
    job = client.get(f"/jobs/{answer.json()['job']}").json()
    assert job["status"] == "done", job
    return client.get(f"/heads/{job['result']['head_id']}").json()


def test_it_is_the_head_of_the_command_line_with_the_same_evidence(client, run, tmp_path, capsys):
    head = trained(client, run)
    table, out = tmp_path / "images.csv", tmp_path / "lines"
    table.write_text("\n".join(["file,cell_line", *(f"well {k}.tif,{LINES[k % 2]}" for k in range(4))]))
    classes = ",".join(f"{value}={name}" for value, name in CLASSES.items())
    options = ["--column", "cell_line", "--classes", classes, "--folds", "2", "--out", str(out), "--json"]
    assert main(["train", str(table), "--run", str(runs.run_folder(run.id)), *options]) == 0
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    same = {name: value for name, value in head["metrics"].items() if name != "seconds"}
    assert same == {name: said[name] for name in same}
    assert head["verdict"]["sentence"] == said["sentence"]
    assert head["verdict"]["doubts"] == said["doubts"]
    assert head["earlier_looks"] == said["earlier_looks"] == {"n": 0, "sentence": ""}
    assert set(head["files"]) == {path.name for path in out.iterdir()}
    for name in sorted(set(head["files"]) - {"metrics.json"}):
        assert client.get(f"/heads/{head['id']}/files/{name}").content == (out / name).read_bytes(), name
    assert client.get(f"/heads/{head['id']}/files/../other").status_code == 404


def test_a_head_travels_as_one_zip_and_is_gone_from_the_api_in_the_bin(client, run):
    head, other = trained(client, run), projects.create_project("other").id
    packed = client.get(f"/heads/{head['id']}/zip").content
    arrived = client.post(f"/projects/{other}/heads/zip", files={"file": ("a.zip", packed)}).json()
    assert [one["id"] for one in client.get(f"/projects/{other}/heads").json()] == [arrived["id"]]
    assert client.get(f"/heads/{arrived['id']}").json()["metrics"] == head["metrics"]
    assert client.post(f"/projects/{other}/heads/zip", files={"file": ("a.zip", b"no")}).status_code == 422
    heads.remove_head(head["id"])
    assert client.get(f"/projects/{run.project_id}/heads").json() == []
    for path in ("", "/zip", "/files/card.md"):
        assert client.get(f"/heads/{head['id']}{path}").status_code == 404


def test_a_head_that_names_a_path_of_the_server_is_refused(client, run, tmp_path):
    save_head(random_head(encoder="/srv/nets/vit@1"), tmp_path / "made")
    packed = Path(shutil.make_archive(str(tmp_path / "made"), "zip", tmp_path / "made")).read_bytes()
    answer = client.post(f"/projects/{run.project_id}/heads/zip", files={"file": ("a.zip", packed)})
    assert answer.status_code == 422
    assert "'/srv/nets/vit', which is not in its zip" in answer.json()["error"]
    assert heads.list_heads(run.project_id) == ()


def test_a_fine_tuning_is_queued_with_a_folder_to_go_on_in_and_can_be_cancelled(client, run):
    tuning = {"mode": "finetune", "finetune": {"epochs": 2}}
    job = client.post(f"/projects/{run.project_id}/heads", json=body(run, recipe=tuning)).json()["job"]
    payload = queue.get_job(job).payload
    assert (payload["recipe"]["mode"], payload["recipe"]["finetune"]["epochs"]) == ("finetune", 2)
    assert payload["work"]
    assert client.get(f"/jobs/{job}/curves").json() == {"fits": []}
    assert client.post(f"/jobs/{job}/cancel").json() == {"status": "cancelled"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"column": "colour"}, "no column 'colour'"),
        ({"name": "a/b"}, "a head needs a name"),
        ({"recipe": {"encoder": "facebook/dinov2-small"}}, "leave out 'encoder'"),
        ({"recipe": {"mode": "finetune", "keep_folds": True}}, "keeps no encoder of each fold"),
        ({"run_ids": []}, "run_ids"),
        ({"work": "ab"}, "work"),
    ],
)
def test_what_can_never_work_is_refused_in_a_sentence_and_not_queued(client, run, changes, words):
    answer = client.post(f"/projects/{run.project_id}/heads", json=body(run, **changes))
    assert (answer.status_code, words in answer.json()["error"]) == (422, True), answer.text
    assert queue.list_jobs(active=False) == ()


def test_projects_runs_and_heads_that_are_not_there_are_404_and_those_of_others_refused(client, run):
    project = run.project_id
    assert client.post("/projects/none/heads", json=body(run)).status_code == 404
    assert client.get("/projects/none/heads").status_code == 404
    assert client.post(f"/projects/{project}/heads", json=body(run, run_ids=["none"])).status_code == 404
    for path in ("/heads/none", "/jobs/none/curves"):
        assert client.get(path).status_code == 404
    other = projects.create_project("other").id
    answer = client.post(f"/projects/{other}/heads", json=body(run))
    assert (answer.status_code, "another project" in answer.json()["error"]) == (422, True)
    runs.delete_run(run.id)
    assert client.post(f"/projects/{project}/heads", json=body(run)).status_code == 404
