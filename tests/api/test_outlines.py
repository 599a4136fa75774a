"""Labels of files and retraining over HTTP are those of the page."""

import io

import pytest
import tifffile

from cellapp.editing.edit import Edit, EditKind
from cellapp.jobs import queue
from cellapp.jobs.edit_masks import edit_masks
from cellapp.jobs.import_labels import run_item
from cellapp.settings import IMPORTED
from cellapp.store import runs
from tests.pages.seeding import seed_image, seed_run


@pytest.fixture
def seeded(tmp_path):
    return seed_image(tmp_path)


def sent(labels, name):
    stream = io.BytesIO()
    tifffile.imwrite(stream, labels.astype("uint16"))
    return ("files", (name, stream.getvalue()))


def test_labels_of_files_are_the_cells_of_a_run(client, seeded):
    address = f"/projects/{seeded.project.id}/outlines"
    answer = client.post(address, files=[sent(seeded.labels, "cells_masks.tif")])
    assert answer.status_code == 202
    run = runs.get_run(answer.json()["id"])
    assert run.settings.segment.segmenter == IMPORTED
    assert answer.json()["images"] == [seeded.image.id]
    item = run_item(run.id, seeded.image.id, run.images[0].stem)
    assert (item.read_labels(seeded.labels.shape) == seeded.labels).all()
    assert [job.kind for job in queue.list_jobs(seeded.project.id)] == ["analyse"]
    assert client.post(address, files=[sent(seeded.labels[:9], "cells.tif")]).status_code == 422
    assert client.post("/projects/nothing/outlines", files=[sent(seeded.labels, "a.tif")]).status_code == 404


def test_a_segmenter_is_retrained_on_what_was_corrected(client, seeded):
    run = seed_run([seeded], head=None, n_cells=5)
    address = f"/projects/{seeded.project.id}"
    assert client.get(f"{address}/outlines").json() == []
    edit_masks(run.id, seeded.image.id, [Edit(EditKind.MERGE, (2, 3))], who="Ada", seen=0)
    (one,) = client.get(f"{address}/outlines").json()
    assert (one["run"], one["image"], one["n_edits"]) == (run.id, seeded.image.id, 1)
    asked = {"learn": [[one["run"], one["image"]]], "name": "mended"}
    answer = client.post(f"{address}/segmenters", json=asked)
    assert answer.status_code == 202
    job = queue.get_job(answer.json()["job"])
    assert (job.kind, job.payload["learn"]) == ("retrain", [[run.id, seeded.image.id]])
    for wrong in ({**asked, "learn": []}, {**asked, "name": "a/b"}, {**asked, "learn": [["x", "y"]]}, {}):
        refused = client.post(f"{address}/segmenters", json=wrong)
        assert refused.status_code in (404, 422), wrong
        assert "\n" not in refused.json()["error"]
