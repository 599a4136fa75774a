"""Clusters among the cells of a run: found by vectors, measurements or an autoencoder, compared, named and undone."""

import hashlib
import json

import numpy as np
import pandas as pd
import pytest

from cellapp.discovery.discover import DiscoverSettings
from cellapp.errors import Cancelled, InputError
from cellapp.jobs import queue
from cellapp.jobs.discover import (
    FOLDER,
    DiscoverRequest,
    discover_run,
    list_discoveries,
    read_indices,
    request_discovery,
)
from cellapp.jobs.handlers import HANDLERS
from cellapp.jobs.name_cluster import name_cluster, read_clusters
from cellapp.labelling.sources import LabelSource
from cellapp.store import runs
from cellapp.store.given_labels import give_labels
from cellapp.store.labels import list_labels, retract_labels
from cellapp.store.project_classes import project_classes
from cellapp.store.records import Status
from cellapp.store.run_labels import labels_of_run
from cellapp.training.vae.recipe import VaeRecipe
from tests.jobs.trainable import trainable_run
from tests.pages.seeding import seed_image, seed_run

QUICK = DiscoverSettings(method="kmeans", k=2, layout="pca")


@pytest.fixture(autouse=True)
def no_worker(monkeypatch, home):
    monkeypatch.setattr("cellapp.jobs.worker_process.ensure_worker", lambda *_: None)


@pytest.fixture
def run(tmp_path):
    return trainable_run(tmp_path)


def test_by_vectors_the_two_lines_are_the_two_groups(run):
    request = DiscoverRequest(run_id=run.id, settings=QUICK)
    assert HANDLERS["discover"](request.model_dump(mode="json"), lambda step, part: None) == {"key": request.key}
    cells, indices = read_clusters(request), read_indices(runs.run_folder(run.id) / FOLDER / request.key)
    lines = [
        {0: "MCF10A", 1: "MCF7"}[[row.image_id for row in run.images].index(image) % 2] for image in cells["image_id"]
    ]
    table = pd.crosstab(cells["cluster"], pd.Series(lines))
    assert table.max(axis=1).sum() / len(cells) > 0.8
    assert set(indices["columns"]) == {"cell_line", "batch"}
    assert indices["columns"]["cell_line"]["cramers_v"] > 0.6
    assert DiscoverRequest.model_validate(indices["request"]) == request
    assert list_discoveries(run.id) == (request,)


def test_by_measurements_each_counts_the_same(run):
    request = DiscoverRequest(run_id=run.id, of="measured", settings=QUICK)
    indices = read_indices(discover_run(request))
    assert "area_um2" in indices["measured"]
    assert indices["n_cells"] == len(read_clusters(request))


def test_by_an_autoencoder_which_goes_on_where_it_was_stopped(tmp_path):
    run = seed_run([seed_image(tmp_path, seed=k, side=320) for k in (1, 2, 3)], head=None)
    recipe = VaeRecipe(latent=2, epochs=2, width=4, side_px=16)
    request = DiscoverRequest(run_id=run.id, of="vae", settings=QUICK, vae=recipe)

    def stop(step, part):
        if step.startswith("Epoch 1"):
            raise Cancelled("enough")

    with pytest.raises(Cancelled):
        discover_run(request, stop)
    said = []
    folder = discover_run(request, lambda step, part: said.append((step, part)))
    assert not [step for step, _ in said if step.startswith("Epoch 1")]
    assert all(0 <= part <= 1 for _, part in said)
    assert (folder / "vae" / "walks.png").is_file()
    assert not (folder / "vae" / "checkpoint.pt").exists()
    assert [path.name for path in folder.parent.iterdir()] == [request.key]
    assert read_indices(folder)["vae"]["recipe"]["latent"] == 2


def test_a_named_cluster_is_labels_and_a_word_by_hand_stays(run):
    request = DiscoverRequest(run_id=run.id, settings=QUICK)
    discover_run(request)
    first = read_clusters(request).query("cluster == 0")
    by_hand = (first["image_id"].iloc[0], int(first["cell_id"].iloc[0]))
    give_labels(run.id, [(by_hand, "debris")])
    added = name_cluster(request, 0, "  round ", who="Ann")
    assert len(added) == len(first) - 1
    table = labels_of_run(run.id).table.set_index(["image_id", "cell_id"])
    assert table.loc[by_hand, "class_name"] == "debris"
    assert (table.drop(index=[by_hand])["class_name"] == "round").all()
    assert set(table["source"]) == {LabelSource.HAND, LabelSource.CLUSTER}
    assert "round" in project_classes(run.project_id).names
    assert [job.kind for job in queue.list_jobs(run.project_id)] == ["relabel"]
    assert len(name_cluster(request, 0, "flat", who="Ann")) == len(first) - 1  # a name can be changed
    retract_labels(added)
    assert {label.class_name for label in list_labels(run.project_id)} == {"debris", "flat"}
    with pytest.raises(InputError, match="no cluster 10"):
        name_cluster(request, 9, "round")


def test_what_cannot_be_is_said(run, tmp_path):
    request = DiscoverRequest(run_id=run.id, settings=QUICK)
    with pytest.raises(InputError, match="no longer there"):
        read_clusters(request)
    with pytest.raises(InputError, match="no column 'plate' in the image table"):
        request_discovery(request.model_copy(update={"condition": "plate"}))
    assert not queue.list_jobs(run.project_id)
    empty = seed_run([seed_image(tmp_path, seed=9)], head=None, n_cells=0)
    with pytest.raises(InputError, match="no cells to cluster"):
        discover_run(DiscoverRequest(run_id=empty.id, of="measured", settings=QUICK))


def test_a_decoder_may_be_told_what_people_say_of_cells_and_older_results_keep_their_names(run):
    told = DiscoverRequest(run_id=run.id, of="vae", settings=QUICK, condition="label")
    assert request_discovery(told).payload["condition"] == "label"
    before = told.model_dump(mode="json")
    del before["settings"]["controls"]  # as a version without controls wrote it
    text = json.dumps(before, separators=(",", ":"))
    assert told.key == hashlib.sha256(text.encode()).hexdigest()[:12]
    assert told.key != told.model_copy(update={"settings": QUICK.model_copy(update={"controls": "batch=1"})}).key


def test_a_request_is_queued_once_with_its_payload(run):
    request = DiscoverRequest(run_id=run.id, settings=QUICK)
    job = request_discovery(request)
    assert DiscoverRequest.model_validate(json.loads(json.dumps(dict(job.payload)))) == request
    assert job.status is Status.QUEUED
    assert request.key != request.model_copy(update={"of": "measured"}).key
    assert np.unique([request.key for _ in range(3)]).size == 1
