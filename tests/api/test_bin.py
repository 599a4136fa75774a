"""What is in the bin is not served: every route that names a run or an image answers 404."""

import pytest
from fastapi.testclient import TestClient

from cellapp.api.app import api
from cellapp.auth.tile_pass import make_pass
from cellapp.jobs import worker_process
from cellapp.store import images, runs
from tests.pages.seeding import seed_image, seed_run

BODIES = {
    "/reference": {"reference": None},
    "/regions": {"type": "FeatureCollection", "features": []},
    "/vectors": {},
    "/classes": {"head": "demo-head"},
    "/labels": {"labels": []},
    "/clear": {"cells": []},
    "/retract": {"ids": [1]},
    "/restore": {"ids": [1]},
    "/labels/files": {"image_ids": []},
    "/edits": {"edits": [{"kind": "delete", "cells": [1]}]},
}


def routes_with(word):
    """Method and path of every route whose path has a word in braces."""
    paths = {path: ways for path, ways in api.openapi()["paths"].items() if f"{{{word}}}" in path}
    return [(method.upper(), path) for path, ways in paths.items() for method in ways]


@pytest.fixture
def client(monkeypatch):
    monkeypatch.setattr(worker_process, "ensure_worker", lambda: None)
    return TestClient(api)


def ask(client, method, path, run_id, image_id):
    """Send a request that would be answered if nothing were in the bin."""
    known = {"run_id": run_id, "image_id": image_id, "level": 0, "x": 0, "y": 0, "ending": "png"}
    known["cell_id"] = 1
    known["path"] = "summary.csv"
    for name, value in known.items():
        path = path.replace(f"{{{name}}}", str(value))
    query = {"pass": make_pass(image_id), "channels": "1:FFFFFF:0:65535:1:1", "threshold": 0.5, "x": 0, "y": 0}
    query["target"] = "cancer"
    body = next((value for word, value in BODIES.items() if path.endswith(word)), None)
    if path.endswith("/import") or (method, path.rpartition("/")[2]) == ("PUT", "layout"):
        return client.request(method, path, params=query, files={"file": ("a.csv", b"image,cell_id,class\n,1,a\n")})
    return client.request(method, path, params=query, json=body)


def test_the_routes_are_found():
    assert ("GET", "/runs/{run_id}/files/{path}") in routes_with("run_id")
    assert len(routes_with("run_id")) + len(routes_with("image_id")) >= 11


@pytest.mark.parametrize(("method", "path"), routes_with("run_id"))
def test_a_run_in_the_bin_is_not_served(client, tmp_path, method, path):
    image = seed_image(tmp_path)
    run = seed_run([image], n_cells=4)
    before = ask(client, method, path, run.id, image.image.id)
    runs.delete_run(run.id)
    answer = ask(client, method, path, run.id, image.image.id)
    assert (answer.status_code, list(answer.json())) == (404, ["error"]), (before.status_code, answer.text)


@pytest.mark.parametrize(("method", "path"), routes_with("image_id"))
def test_an_image_in_the_bin_is_not_served(client, tmp_path, method, path):
    image = seed_image(tmp_path)
    run = seed_run([image], n_cells=4)
    images.remove_image(image.image.id)
    answer = ask(client, method, path, run.id, image.image.id)
    assert (answer.status_code, list(answer.json())) == (404, ["error"]), answer.text


def test_a_run_of_an_image_in_the_bin_is_not_started(client, tmp_path):
    image = seed_image(tmp_path).image
    images.remove_image(image.id)
    assert client.post("/runs", json={"image_ids": [image.id], "settings": {}}).status_code == 404
