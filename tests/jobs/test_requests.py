import numpy as np
import pytest
import tifffile

from cellapp.jobs import queue, worker_process
from cellapp.jobs.requests import request_pyramid, request_slide_parameters
from cellapp.store import images, projects, uploads


@pytest.fixture
def asked(monkeypatch):
    asked = []
    monkeypatch.setattr(worker_process, "ensure_worker", lambda *_: asked.append(1))
    return asked


def add(folder, shape):
    tifffile.imwrite(folder / "a.tif", np.ones(shape, np.uint8))
    return uploads.add_image(projects.default_project().id, folder / "a.tif", "a.tif")


def test_a_large_image_is_prepared_once(tmp_path, asked):
    image = add(tmp_path, (4, 2100))
    assert request_pyramid(image)
    assert not request_pyramid(image)
    (job,) = queue.list_jobs(image.project_id)
    assert (job.kind, dict(job.payload)) == ("pyramid", {"image_id": image.id})
    assert asked == [1]


def test_a_failed_try_is_not_repeated(tmp_path, asked):
    image = add(tmp_path, (4, 2100))
    request_pyramid(image)
    queue.fail(queue.claim("tester").id, "the disk is full", worker_id="tester")
    assert not request_pyramid(image)


def test_a_small_image_needs_nothing(tmp_path, asked):
    assert not request_pyramid(add(tmp_path, (4, 40)))
    assert not asked


def test_a_slide_is_judged_once_per_question_before_other_work(tmp_path, asked):
    image = add(tmp_path, (4, 2100))
    request_pyramid(image)
    first = request_slide_parameters(image, {"um_per_px": None})
    assert request_slide_parameters(image, {"um_per_px": None}).id == first.id
    assert request_slide_parameters(image, {"um_per_px": 0.5}).id != first.id
    assert len(asked) == 3
    assert queue.claim("tester").id == first.id
    queue.fail(first.id, "1 NaN pixel", worker_id="tester")
    assert request_slide_parameters(image, {"um_per_px": None}).error == "1 NaN pixel"
    images.set_channels(image.id, ("nucleus",), ("nucleus",))
    assert request_slide_parameters(images.get_image(image.id), {"um_per_px": None}).id != first.id
