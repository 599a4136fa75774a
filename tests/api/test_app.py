import io

import numpy as np
import pandas as pd
import pytest
import tifffile
from fastapi.testclient import TestClient
from starlette.applications import Starlette

from cellapp.api.app import api
from cellapp.cli import main
from cellapp.jobs import queue, worker, worker_process
from cellapp.store.runs import run_folder
from tests.series import write_series

pytestmark = pytest.mark.slow

SETTINGS = {"explain": {"n": 2}}


@pytest.fixture
def client(monkeypatch):
    """The API with the worker in this process, run when a test says so."""
    monkeypatch.setattr(worker_process, "ensure_worker", lambda: None)
    return TestClient(api)


def upload(client, path, name=None):
    with path.open("rb") as file:
        return client.post("/images", files={"file": (name or path.name, file)})


def test_health_and_models(client):
    assert client.get("/health").json()["status"] == "ok"
    assert "demo-head" in {model["name"] for model in client.get("/models").json()}


def test_upload_run_and_files_equal_the_command_line(client, demo, tmp_path):
    image = upload(client, demo.slide).json()
    run = client.post("/runs", json={"image_ids": [image["id"]], "settings": SETTINGS})
    assert run.status_code == 202
    worker.run_worker(once=True)
    state = client.get(f"/runs/{run.json()['id']}").json()
    assert state["status"] == "done"
    assert state["images"][0]["summary"]["n_cells"] > 20

    main(["analyse", str(demo.slide), "--out", str(tmp_path / "cli"), "--explain", "2"])
    for name in ("cells.csv", "cells.parquet", "labels.tif", "outlines.geojson", "overlay.png", "crops.zip"):
        served = client.get(f"/runs/{state['id']}/files/demo/{name}")
        assert served.status_code == 200, name
        if name == "cells.parquet":
            pd.testing.assert_frame_equal(
                pd.read_parquet(io.BytesIO(served.content)), pd.read_parquet(tmp_path / "cli" / "demo" / name)
            )
        else:
            assert served.content == (tmp_path / "cli" / "demo" / name).read_bytes(), name


def test_the_same_bytes_twice_are_one_image(client, demo):
    first, second = (upload(client, demo.slide, name).json() for name in ("a.tif", "b.tif"))
    assert first["id"] == second["id"]
    assert len(client.get("/images").json()) == 1


def test_bad_input_is_422_with_one_sentence_and_changes_nothing(client, tmp_path):
    path = tmp_path / "note.tif"
    path.write_text("not an image")
    answer = upload(client, path)
    assert answer.status_code == 422
    assert "\n" not in answer.json()["error"]
    assert client.get("/images").json() == []


def test_too_large_a_file_is_413(client, demo, monkeypatch):
    from cellapp.config import app_settings

    monkeypatch.setenv("CELLAPP_BUDGET__MAX_PIXELS", "1000")
    app_settings.cache_clear()
    answer = upload(client, demo.slide)
    assert answer.status_code == 413
    assert "CELLAPP_BUDGET__MAX_PIXELS" in answer.json()["error"]


def test_unknown_ids_are_404(client):
    assert client.get("/runs/nope").status_code == 404
    assert client.post("/runs", json={"image_ids": ["nope"], "settings": {}}).status_code == 404


def test_settings_are_checked(client, demo):
    image = upload(client, demo.slide).json()
    answer = client.post("/runs", json={"image_ids": [image["id"]], "settings": {"segment": {"diametre": 3}}})
    assert answer.status_code == 422
    assert client.post("/runs", json={"image_ids": [], "settings": {}}).status_code == 422


@pytest.mark.parametrize("path", ["../../cellapp.db", "%2e%2e/%2e%2e/cellapp.db", "/etc/passwd", "demo/../../x"])
def test_files_outside_the_run_are_not_served(client, demo, path):
    image = upload(client, demo.slide).json()
    run = client.post("/runs", json={"image_ids": [image["id"]], "settings": SETTINGS}).json()
    assert client.get(f"/runs/{run['id']}/files/{path}").status_code in (404, 422)


@pytest.mark.parametrize(
    ("channels", "words"), [({"nukleus": 1}, "the nearest is 'nucleus'"), ({"nucleus": 9}, "has no channel 9")]
)
def test_channels_that_do_not_fit_are_422_before_anything_runs(client, demo, channels, words):
    image = upload(client, demo.slide).json()
    refused = client.post("/runs", json={"image_ids": [image["id"]], "settings": {"channels": channels}})
    assert refused.status_code == 422
    assert words in refused.json()["error"]


def test_roles_that_nobody_knows_are_asked_for(client, tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((3, 30, 40), np.uint16), photometric="minisblack")
    answer = upload(client, tmp_path / "a.tif").json()
    assert answer["roles"] == ["other"] * 3
    assert any("nucleus=3" in note for note in answer["notes"])


def test_work_in_progress_is_not_served(client, demo):
    image = upload(client, demo.slide).json()
    run = client.post("/runs", json={"image_ids": [image["id"]], "settings": SETTINGS}).json()
    hidden = run_folder(run["id"]) / ".demo.work" / "tile-000001.npz"
    hidden.parent.mkdir(parents=True)
    hidden.write_bytes(b"half")
    assert client.get(f"/runs/{run['id']}/files").json() == []


def test_a_file_of_several_images_answers_with_all_or_those_chosen(client, tmp_path):
    path = write_series(tmp_path / "plate.ome.tif", planes=2)

    def post(query=""):
        with path.open("rb") as file:
            return client.post(f"/images{query}", files={"file": ("plate.ome.tif", file)})

    one = post("?scene=2&time=3&depth=mean").json()
    assert (one["file"], one["scene"], one["time"]) == ("plate.ome.tif", "well B1", "01d00h00m")
    assert [image["id"] for image in one["images"]] == [one["id"]]
    assert one["depth"] == "mean"
    assert one["notes"] == ["2 planes of depth are shown and analysed as their mean."]
    every = post().json()
    assert every["name"] == "plate.ome.tif · well A1 · 00d00h00m"
    assert len({image["sha256"] for image in every["images"]}) == 6
    assert [image["id"] for image in client.get("/images").json()][:6] == [image["id"] for image in every["images"]]
    assert {image["file"] for image in client.get("/images").json()} == {"plate.ome.tif"}


@pytest.mark.parametrize("query", ["?scene=3", "?time=0", "?depth=median", "?depth=3", "?scene=all&time=last"])
def test_an_image_that_is_not_in_the_file_is_422(client, tmp_path, query):
    path = write_series(tmp_path / "plate.ome.tif", planes=2)
    with path.open("rb") as file:
        answer = client.post(f"/images{query}", files={"file": ("plate.ome.tif", file)})
    assert answer.status_code == 422
    assert "\n" not in answer.json()["error"]
    assert client.get("/images").json() == []


def test_pages_and_api_are_behind_the_check_of_hosts():
    """The API alone, as these tests use it, checks no host; what is served does."""
    from cellapp.server import MIDDLEWARE, ROUTES

    served = TestClient(Starlette(routes=ROUTES, middleware=MIDDLEWARE), base_url="http://localhost:8501")
    assert served.get("/api/health").json()["status"] == "ok"
    assert served.get("/api/health", headers={"host": "evil.example"}).status_code == 403
    assert served.post("/api/runs", headers={"origin": "http://evil.example"}).status_code == 403


@pytest.mark.parametrize(
    "settings",
    ['{"um_per_px": NaN}', '{"segment": {"diameter": 1e999}}', '{"segment": {"diameter": 5000}}', '{"seed": -1}'],
)
def test_numbers_that_fit_no_image_are_422_before_anything_runs(client, demo, settings):
    image = upload(client, demo.slide).json()
    body = f'{{"image_ids": ["{image["id"]}"], "settings": {settings}}}'
    answer = client.post("/runs", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert not queue.list_jobs()


def test_the_rest_of_a_run_is_asked_for_where_there_is_one(client, demo):
    image = upload(client, demo.slide).json()
    run = client.post("/runs", json={"image_ids": [image["id"]], "settings": SETTINGS}).json()
    (job,) = queue.list_jobs()
    queue.request_cancel(job.id)
    assert client.get(f"/runs/{run['id']}").json()["status"] == "cancelled"
    assert client.post(f"/runs/{run['id']}/rest").status_code == 202
    assert [one.payload for one in queue.list_jobs()] == [{"run_id": run["id"]}]
    assert client.post("/runs/none/rest").status_code == 404
