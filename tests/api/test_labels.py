"""Labels over HTTP: what a key does, what undoes it, tables in and out, and what is refused in one sentence."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from cellapp.jobs import queue
from cellapp.store.given_labels import give_labels
from cellapp.store.labels import list_labels
from cellapp.store.project_classes import project_classes
from tests.pages.seeding import seed_image, seed_run


@pytest.fixture
def run(tmp_path):
    return seed_run([seed_image(tmp_path)], head=None, n_cells=5)


def cell(run, cell_id, **more):
    return {"image_id": run.images[0].image_id, "cell_id": cell_id, **more}


def said(client, run):
    found = client.get(f"/runs/{run.id}/labels").json()["labels"]
    return {(one["cell_id"], one["who"]): one["class"] for one in found}


def test_a_label_is_stored_once_undone_and_brought_back(client, run):
    body = {"labels": [cell(run, 1, **{"class": '肿瘤, "T"'}), cell(run, 2, **{"class": "normal"})], "who": "Ada"}
    first = client.post(f"/runs/{run.id}/labels", json=body)
    assert first.status_code == 201
    again = client.post(f"/runs/{run.id}/labels", json=body).json()
    each = first.json()["ids"]
    assert first.json()["each"] == each
    assert again == {"ids": [], "each": each, "version": first.json()["version"]}, "sent twice, stored once"
    assert said(client, run) == {(1, "Ada"): '肿瘤, "T"', (2, "Ada"): "normal"}
    ids = first.json()["ids"]
    undone = client.post(f"/runs/{run.id}/labels/retract", json={"ids": ids[:1]}).json()
    assert undone["version"] != first.json()["version"]
    assert said(client, run) == {(2, "Ada"): "normal"}
    client.post(f"/runs/{run.id}/labels/restore", json={"ids": ids[:1]})
    assert len(said(client, run)) == 2
    [job] = queue.list_jobs(run.project_id)
    assert (job.kind, job.payload["images"]) == ("relabel", [run.images[0].image_id])


def test_labels_that_arrive_together_are_stored_once(run):
    given = [((run.images[0].image_id, cell_id), "a") for cell_id in (1, 2, 3)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: give_labels(run.id, given, who="Ada"), range(8)))
    assert len({answer.each for answer in answers}) == 1
    assert sorted(len(answer.added) for answer in answers) == [0] * 7 + [3]


def test_one_takes_back_ones_own_word_only(client, run):
    for who, name in (("Ada", "a"), ("Bob", "b")):
        body = {"labels": [cell(run, 3, **{"class": name})], "who": who, "files": False}
        client.post(f"/runs/{run.id}/labels", json=body)
    found = client.get(f"/runs/{run.id}/labels").json()
    assert [one["disputed"] for one in found["labels"]] == [True, True]
    assert found["agreement"][0]["n_same"] == 0
    cleared = client.post(f"/runs/{run.id}/labels/clear", json={"cells": [cell(run, 3)], "who": "Ada", "files": False})
    assert said(client, run) == {(3, "Bob"): "b"}
    client.post(f"/runs/{run.id}/labels/restore", json={"ids": cleared.json()["ids"], "files": False})
    assert len(said(client, run)) == 2
    assert not queue.list_jobs(run.project_id)


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        ({"cell_id": 1, "class": "  "}, 422, "needs a name"),
        ({"cell_id": 1, "class": "unsure"}, 422, "is no class"),
        ({"cell_id": 99, "class": "a"}, 404, "no cell 99"),
        ({"image_id": "gone", "cell_id": 1, "class": "a"}, 404, "no image 'gone'"),
    ],
)
def test_what_cannot_be_a_label_is_refused_whole(client, run, body, status, word):
    labels = [cell(run, 2, **{"class": "good"}), cell(run, 1) | body]
    answer = client.post(f"/runs/{run.id}/labels", json={"labels": labels})
    assert (answer.status_code, word in answer.json()["error"]) == (status, True), answer.json()
    assert "\n" not in answer.json()["error"]
    assert list_labels(run.project_id) == ()


def test_ids_of_another_run_are_refused(client, run):
    answer = client.post(f"/runs/{run.id}/labels/retract", json={"ids": [7]})
    assert (answer.status_code, "no label 7" in answer.json()["error"]) == (422, True)
    assert client.get("/runs/none/labels").status_code == 404


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8"])
def test_tables_go_out_and_come_in(client, run, encoding):
    text = "cell_id;class;who\n1;肿瘤, T;Ada\n2;;Ada\n99;b;Ada\n"
    files = {"file": ("mine.csv", text.encode(encoding))}
    report = client.post(f"/runs/{run.id}/labels/import", files=files).json()
    assert (report["n_added"], len(report["left_out"])) == (1, 2)
    assert "class is empty" in report["left_out"][0]
    exported = client.get(f"/runs/{run.id}/labels.csv")
    assert exported.content.startswith(b"\xef\xbb\xbf") or "肿瘤, T" in exported.text
    again = client.post(f"/runs/{run.id}/labels/import", files={"file": ("back.csv", exported.content)}).json()
    assert (again["n_added"], again["n_known"]) == (0, 1)
    assert project_classes(run.project_id).names == ("肿瘤, T",)
    answer = client.post(f"/runs/{run.id}/labels/import", files={"file": ("empty.csv", b"class\n")})
    assert (answer.status_code, "empty.csv" in answer.json()["error"]) == (422, True)
