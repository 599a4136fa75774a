"""A stored run gets the classes of another head, everywhere and at once, and any of its heads comes back."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cellapp.classification.head_io import save_head
from cellapp.errors import InputError, ModelError
from cellapp.exports.class_versions import read_versions
from cellapp.exports.run_json import PICTURES_BY, read_run
from cellapp.exports.tables import read_cells
from cellapp.jobs import queue, worker_process
from cellapp.jobs.handlers import HANDLERS
from cellapp.jobs.rescore import choose_classes, request_rescore, request_rescore_of_all
from cellapp.jobs.worker import run_worker
from cellapp.settings import VectorSettings
from cellapp.store import cells, runs
from cellapp.store import labels as labels_store
from cellapp.store.heads import add_head
from cellapp.store.projects import default_project
from cellapp.store.records import Status
from cellapp.store.vectors import keep_vectors, vectors_key
from tests.classification.heads import random_embeddings, random_head
from tests.pages.seeding import seed_image, seed_run

MADE = VectorSettings(encoder="tiny")


@pytest.fixture(autouse=True)
def _no_worker(monkeypatch):
    monkeypatch.setattr(worker_process, "ensure_worker", lambda *_: None)


def keep_random(run, seed):
    """Keep random vectors of each accepted cell, as an encoder of a few numbers might have made them."""
    for image in run.images:
        table = read_cells(runs.run_folder(run.id) / image.stem / "cells.parquet")
        ids = table.index[table["qc_pass"]].to_numpy(np.int32)
        found = replace(random_embeddings(len(ids), seed=seed), cell_ids=ids)
        key = vectors_key({"run": run.id, "image": image.image_id, "seed": seed})
        keep_vectors(run.id, image.image_id, MADE, encoder=found.encoder, key=key, embeddings=found)


def make_head(tmp_path, name, seed=0, **changes):
    plain = random_head(seed=seed, name=name, crop=MADE.crop, **changes)
    save_head(plain, tmp_path / name)
    return add_head(default_project().id, tmp_path / name).identity


@pytest.fixture
def run(tmp_path):
    """A run of two images, the second without cells, by the head that ships, with vectors of another kind kept."""
    made = seed_run([seed_image(tmp_path, seed=1), seed_image(tmp_path, name="b.tif", seed=2)], n_cells=6)
    keep_random(made, 1)
    return made


def work():
    """Do the jobs that wait for a run's classes, and nothing else."""
    run_worker(once=True, handlers={kind: HANDLERS[kind] for kind in ("rescore", "pictures", "relabel")})


def test_store_files_and_settings_follow_the_new_head(run, tmp_path):
    head = make_head(tmp_path, "mine", classes=("tumour", "normal"))
    job = request_rescore(run.id, head, threshold=0.3)
    work()
    assert queue.get_job(job.id).status is Status.DONE, queue.get_job(job.id).error
    now, folder = runs.get_run(run.id), runs.run_folder(run.id)
    assert (now.settings.classify.head, now.settings.classify.threshold, now.status) == (head, 0.3, Status.DONE)
    for image in now.images:
        table, tree = read_cells(folder / image.stem / "cells.parquet"), read_run(folder / image.stem / "run.json")
        np.testing.assert_array_equal(cells.load_cells(run.id, image.image_id)["p_positive"], table["p_tumour"])
        assert image.summary["n_tumour"] == tree["summary"]["n_tumour"]
        assert tree["head"].startswith("mine@")
        assert PICTURES_BY not in tree, "overlay and crops were drawn in the second step"
    assert "tumour" in (folder / "report.html").read_text()
    assert "n_tumour" in (folder / "summary.csv").read_text()


def test_switching_back_is_at_once_and_files_follow(run, tmp_path):
    folder = runs.run_folder(run.id)
    before = {image.stem: read_cells(folder / image.stem / "cells.parquet") for image in run.images}
    request_rescore(run.id, make_head(tmp_path, "mine"))
    work()
    first = read_versions(folder).versions[0]
    choose_classes(run.id, first.id)
    assert read_versions(folder).active == first
    assert runs.get_run(run.id).settings == run.settings
    work()
    for stem, table in before.items():
        pd.testing.assert_frame_equal(read_cells(folder / stem / "cells.parquet"), table)
    assert [image.summary for image in runs.get_run(run.id).images] == [image.summary for image in run.images]


def test_classes_by_hand_stay_in_store_and_files(run, tmp_path):
    image = run.images[0]
    labels = {image.image_id: {1: "mitotic"}}
    labels_store.relabel(run.id, image.image_id, labels[image.image_id])
    queue.submit("relabel", {"run_id": run.id, "labels": {image.image_id: {"1": "mitotic"}}}, run.project_id)
    request_rescore(run.id, make_head(tmp_path, "mine"))
    work()
    assert cells.manual_labels(run.id) == labels
    table = read_cells(runs.run_folder(run.id) / image.stem / "cells.parquet")
    assert table.loc[1, "manual_label"] == "mitotic"


def test_what_cannot_be_read_is_refused_before_anything_is_queued(run, tmp_path):
    other = make_head(tmp_path, "other", encoder="strange@1")
    with pytest.raises(ModelError, match="make its vectors for this head first"):
        request_rescore(run.id, other)
    for path in (tmp_path / "nowhere", tmp_path / "other"):  # the second one holds a head
        with pytest.raises(InputError, match="no head"):
            request_rescore(run.id, str(path))
    with pytest.raises(InputError, match="no classes"):
        choose_classes(run.id, "none")
    assert not queue.list_jobs(run.project_id)
    assert not read_versions(runs.run_folder(run.id)).versions


def test_a_run_that_still_works_is_left_alone(run, tmp_path):
    runs.start_run(run.id)
    with pytest.raises(InputError, match="wait until its images are done"):
        request_rescore(run.id, make_head(tmp_path, "mine"))


def test_a_run_without_cells_gets_a_head_too(tmp_path):
    run = seed_run([seed_image(tmp_path)], head=None, n_cells=0)
    keep_random(run, 1)
    request_rescore(run.id, make_head(tmp_path, "mine"))
    work()
    assert runs.get_run(run.id).images[0].summary["n_cells"] == 0
    assert not read_cells(runs.run_folder(run.id) / run.images[0].stem / "cells.parquet").size


def test_a_head_is_used_on_every_run_that_it_can_call(run, tmp_path):
    without = seed_run([seed_image(tmp_path, name="c.tif", seed=3)], n_cells=2)
    mine = make_head(tmp_path, "mine")
    use = request_rescore_of_all(run.project_id, mine)
    assert [one.id for one in use.called] == [run.id]
    assert list(use.refused) == [without.name]
    work()
    assert runs.get_run(run.id).settings.classify.head == mine
    assert request_rescore_of_all(run.project_id, mine).refused[run.name] == "has its classes already"
    with pytest.raises(InputError, match="no head"):
        request_rescore_of_all(run.project_id, str(tmp_path / "mine"))
