"""Masks over HTTP: of the original size, equal to those of `segment`, and every member of a batch opens."""

import io
import shutil
import zipfile

import numpy as np
import pandas as pd
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from cellapp.api import predict
from cellapp.api.app import api
from cellapp.cli import main
from cellapp.models.registry import entry
from cellapp.pipeline import predict_masks
from cellapp.segmentation.label_image import read_labels
from cellapp.store.projects import default_project
from cellapp.store.segmenters import add_segmenter
from tests.segmentation.phantoms import discs

CLASSICAL = {"segmenter": "classical"}


def bright(labels):
    return np.where(labels > 0, 200, 20).astype(np.uint8)


def picture(pixels, form="PNG"):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, format=form)
    return stream.getvalue()


WIDE = bright(discs((120, 200), [(40, 40), (70, 140)], 15))
TALL = np.stack([bright(discs((301, 97), [(50, 40), (200, 50), (260, 60)], 14))] * 3, axis=-1)


@pytest.fixture
def client():
    predict._loaded.cache_clear()
    return TestClient(api)


def single(client, content, name="a b.png", **query):
    return client.post("/predict/single", files={"infile": (name, content)}, params=CLASSICAL | query)


def batch(client, files, field="infiles", **query):
    return client.post("/predict/batch", files=[(field, file) for file in files], params=CLASSICAL | query)


def test_the_mask_of_one_image_is_that_of_segment(client, tmp_path):
    (tmp_path / "a.png").write_bytes(picture(WIDE))
    assert main(["segment", str(tmp_path / "a.png"), "--segmenter", "classical", "--out", str(tmp_path / "out")]) == 0
    found = single(client, picture(WIDE))
    assert found.status_code == 200
    assert found.headers["content-type"] == "image/png"
    assert found.headers["content-disposition"] == 'attachment; filename="a_b_annotation.png"'
    assert found.headers["x-cell-count"] == "2"
    labels = np.asarray(Image.open(io.BytesIO(found.content)))
    assert np.array_equal(labels, read_labels(tmp_path / "out" / "a" / "labels.tif"))


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("form", ["PNG", "JPEG", "BMP", "TIFF"])
def test_answers_have_the_original_size(client, mode, form):
    found = single(client, picture(TALL, form), f"a.{form.lower()}", input_mode=mode, answer="foreground")
    mask = np.asarray(Image.open(io.BytesIO(found.content)))
    assert mask.shape == TALL.shape[:2]
    assert set(np.unique(mask)) == {0, 255}
    assert found.headers["x-cell-count"] == "3"


def test_a_tiff_is_answered_where_it_is_asked_for(client):
    found = single(client, picture(WIDE), format="tiff")
    assert found.headers["content-type"] == "image/tiff"
    assert np.asarray(Image.open(io.BytesIO(found.content))).max() == 2


@pytest.mark.parametrize("field", ["infiles", "infiles[]"])
def test_every_member_of_a_batch_opens_at_its_size_and_problems_are_told(client, field):
    """Two files of one name, one of another size, and one that is no image."""
    files = [("a.png", picture(WIDE)), ("a.png", picture(TALL)), ("notes.txt", b"no image")]
    found = batch(client, files, field)
    assert found.status_code == 200
    assert 'filename="predictions.zip"' in found.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(found.content)) as archive:
        assert archive.testzip() is None
        masks = [name for name in archive.namelist() if name.endswith(".png")]
        assert masks == ["a_masks.png", "a_2_masks.png"]
        sizes = [np.asarray(Image.open(io.BytesIO(archive.read(name)))).shape for name in masks]
        assert sizes == [WIDE.shape, TALL.shape[:2]]
        assert pd.read_csv(archive.open("images.csv"))["name"].tolist() == ["a", "a_2"]
        problems = pd.read_csv(archive.open("problems.csv"))
    assert problems["name"].tolist() == ["notes.txt"]
    assert found.headers["x-problem-count"] == "1"


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"segmenter": "demo-head"}, "no segmenter 'demo-head'; choose one of: classical"),
        ({"segmenter": "/etc"}, "no segmenter '/etc'"),
        ({"input_mode": "CMYK"}, "input_mode"),
        ({"diameter": -1}, "diameter"),
        ({"diameter": 1e9}, "diameter"),
        ({"format": "gif"}, "format"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_sentence(client, query, said):
    for found in (single(client, picture(WIDE), **query), batch(client, [("a.png", picture(WIDE))], **query)):
        assert found.status_code == 422
        assert said in found.json()["error"]
        assert "\n" not in found.json()["error"]


def test_what_is_no_image_is_refused(client):
    answers = [single(client, b"no image", "fake.txt"), batch(client, [("fake.txt", b"no image")])]
    answers += [client.post("/predict/single"), client.post("/predict/batch")]
    for found in answers:
        assert found.status_code == 422
        assert "\n" not in found.json()["error"]
    assert "fake.txt" in answers[0].json()["error"]
    assert "infile" in answers[2].json()["error"]
    assert "1 to 100 images" in answers[3].json()["error"]


def test_an_image_too_large_to_wait_for_is_sent_to_runs(client, monkeypatch):
    monkeypatch.setattr(predict_masks, "MOST_PX", 1000)
    found = single(client, picture(WIDE))
    assert found.status_code == 413
    assert "POST /runs" in found.json()["error"]


def test_a_segmenter_of_a_project_is_taken_by_its_name_and_version(client, tmp_path):
    for name in ("weights.safetensors", "config.json"):
        shutil.copyfile(entry("foreground").folder / name, tmp_path / name)
    (tmp_path / "metrics.json").write_text("{}")
    identity = add_segmenter(default_project().id, tmp_path, "own").identity
    found = single(client, picture(WIDE), segmenter=identity)
    assert (found.status_code, found.headers["x-cell-count"]) == (200, "2")
    assert single(client, picture(WIDE), segmenter="own").status_code == 422


def test_nothing_is_kept(client, home):
    single(client, picture(WIDE))
    batch(client, [("a.png", picture(WIDE)), ("b.txt", b"none")])
    assert [path for path in (home / "files").rglob("*") if path.is_file()] == []


def test_many_who_wait_are_asked_to_come_again(client, monkeypatch):
    monkeypatch.setattr(predict, "_places", predict.threading.BoundedSemaphore(1))
    with predict._place():
        found = single(client, picture(WIDE))
    assert found.status_code == 503
    assert single(client, picture(WIDE)).status_code == 200
