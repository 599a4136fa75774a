"""Zips, files per channel, tiles and references over HTTP, as on the page and the command line."""

import io
import zipfile

import numpy as np
import pytest
import tifffile
from fastapi.testclient import TestClient

from cellapp.api.app import api
from cellapp.files import clean_name
from cellapp.jobs import worker, worker_process
from cellapp.store.open_image import open_slide
from tests.cli.test_together import field
from tests.paths import shared_case


@pytest.fixture
def client(monkeypatch):
    monkeypatch.setattr(worker_process, "ensure_worker", lambda: None)
    return TestClient(api)


def tiff(pixels):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pixels, photometric="minisblack")
    return buffer.getvalue()


def zipped(**members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def post(client, name, content, **query):
    return client.post("/images", files={"file": (name, content)}, params=query)


def test_a_zip_answers_all_its_images_and_what_could_not_be_one(client):
    members = {"a.tif": tiff(field()), "d/b.tif": tiff(field(value=90)), "bad.tif": b"II*\0", "._a.tif": b"\0\5\x16\7"}
    answer = post(client, "all.zip", zipped(**members, **{"notes.txt": "words"}))
    assert answer.status_code == 201
    said = answer.json()
    assert [image["name"] for image in said["images"]] == ["a.tif", "b.tif"]
    assert said["id"] == said["images"][0]["id"]
    assert {problem["name"] for problem in said["problems"]} == {"bad.tif", "notes.txt"}
    assert len(client.get("/images").json()) == 2


@pytest.mark.parametrize(
    ("content", "words"), [(zipped(), "no image"), (zipped(x="words"), "no image"), (b"PK\3\4x", "zip")]
)
def test_a_zip_without_an_image_is_refused(client, content, words):
    answer = post(client, "all.zip", content)
    assert answer.status_code == 422
    assert words in answer.json()["error"]


def test_case_09_a_set_in_a_zip_is_one_image(client):
    files = (shared_case("09-ome-multifile") / "set").iterdir()
    (image,) = post(client, "set.zip", zipped(**{path.name: path.read_bytes() for path in files})).json()["images"]
    assert image["shape"] == [2, 256, 256]


def test_case_21_files_of_equal_bytes_are_one_image_and_every_name_is_told(client):
    content = (shared_case("21-names-zips") / "names.zip").read_bytes()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = [clean_name(name) for name in archive.namelist()]
    said = post(client, "names.zip", content).json()
    assert [image["name"] for image in said["images"]] == names[:1] * len(names)
    assert said["notes"][: len(names) - 1] == [
        f"{name!r} has the bytes of {names[0]!r} and is the same image" for name in names[1:]
    ]


def test_files_become_channels_and_tiles_over_http(client):
    ids = [post(client, f"{n}.tif", tiff(field(value=n))).json()["id"] for n in (90, 180)]
    made = client.post("/images/combine", json={"image_ids": ids, "names": ["DAPI", "GFP"], "name": "both"})
    assert made.status_code == 201
    assert (made.json()["name"], made.json()["channels"]) == ("both", ["DAPI", "GFP"])
    joined = client.post("/images/join-tiles", json={"image_ids": ids, "n_columns": 2, "name": "row"}).json()
    assert joined["shape"] == [1, 64, 128]
    assert "edge to edge" in joined["notes"][0]
    assert client.post("/images/combine", json={"image_ids": [], "names": []}).status_code == 422
    assert client.post("/images/join-tiles", json={"image_ids": ids, "n_columns": 3}).status_code == 422


@pytest.mark.slow
def test_runs_find_cells_on_the_reference(client):
    target, reference = (
        post(client, name, tiff(pixels)).json() for name, pixels in (("t.tif", field()), ("r.tif", field(((30, 30),))))
    )
    url = f"/images/{target['id']}/reference"
    assert client.put(url, json={"reference": reference["id"]}).json()["reference"] == reference["id"]
    settings = {"segment": {"segmenter": "classical"}, "classify": {"head": None}}
    run = client.post("/runs", json={"image_ids": [target["id"]], "settings": settings}).json()
    worker.run_worker(once=True)
    (image,) = client.get(f"/runs/{run['id']}").json()["images"]
    assert image["summary"]["n_cells"] == 1
    small = post(client, "s.tif", tiff(field(size=80))).json()
    assert client.post(url, json={"reference": small["id"]}).status_code == 422
    assert client.post(url, json={"reference": None}).json()["reference"] is None
    assert np.array_equal(open_slide(target["id"]).region()[0], field())
