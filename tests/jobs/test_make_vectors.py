"""A run's cells become vectors once, with or without a head, and never twice."""

import numpy as np
import pytest

from cellapp.errors import Cancelled
from cellapp.exports.tables import read_cells
from cellapp.jobs import make_vectors as module
from cellapp.jobs.make_vectors import keep_folder_vectors, make_vectors
from cellapp.models.bundle import RunModels
from cellapp.segmentation.classical import Classical
from cellapp.settings import CropSettings, FeatureSettings, VectorSettings
from cellapp.store import runs
from cellapp.store.vectors import image_vectors, load_vectors
from cellapp.types.cells import Embeddings
from tests.pages.seeding import seed_image, seed_run


class CountingEncoder:
    """Its vectors are the means of the planes; it counts the crops it was given."""

    name, revision, input_px, grid, dim, identity = "counting", "1", 16, (1, 1), 3, "counting@1"
    reads = FeatureSettings()

    def __init__(self):
        self.n_read = 0

    def embed(self, crops, cell_ids, *, patches=False):
        self.n_read += len(crops)
        means = crops.mean(axis=(2, 3))
        return Embeddings(means, 2 * means, np.asarray(cell_ids, np.int32), self.identity)


@pytest.fixture
def encoder(monkeypatch):
    made = CountingEncoder()
    load = lambda vectors: RunModels(Classical(), made, without_head=vectors)  # noqa: E731
    monkeypatch.setattr(module, "load_models_to_embed", load)
    return made


@pytest.fixture
def run(tmp_path):
    return seed_run([seed_image(tmp_path, seed=1), seed_image(tmp_path, name="b.tif", seed=2)], head=None)


def accepted(run, image):
    return read_cells(runs.run_folder(run.id) / image.stem / "cells.parquet").query("qc_pass").index


def test_every_accepted_cell_of_a_run_without_a_head_gets_a_vector_once(run, encoder):
    n_cells = make_vectors(run.id)
    assert n_cells == encoder.n_read == sum(len(accepted(run, image)) for image in run.images) > 0
    found = load_vectors(run.id)
    assert found.cell_ids.tolist() == [cell for image in run.images for cell in accepted(run, image)]
    assert np.ptp(found.embeddings.features[:, 0]) > 0
    assert make_vectors(run.id) == 0
    assert encoder.n_read == n_cells
    assert not list(runs.run_folder(run.id).glob(".*.vectors")), "nothing unfinished is left"


def test_another_run_with_the_same_cells_shares_them(run, encoder, tmp_path):
    make_vectors(run.id)
    n_read = encoder.n_read
    twin = seed_run([seed_image(tmp_path, name="b.tif", seed=2), seed_image(tmp_path, seed=1)], head=None)
    assert make_vectors(twin.id) == 0
    assert encoder.n_read == n_read
    for image in run.images:
        one, other = (image_vectors(which, image.image_id, VectorSettings()) for which in (run, twin))
        np.testing.assert_array_equal(one.features, other.features)


@pytest.mark.parametrize(
    "how",
    [VectorSettings(crop=CropSettings(size_px=32)), VectorSettings(reads=FeatureSettings(fit_to="crop"))],
    ids=["cut", "intensities"],
)
def test_another_cut_or_chain_is_made_anew(run, encoder, how):
    make_vectors(run.id)
    n_read = encoder.n_read
    assert make_vectors(run.id, how) == n_read
    assert encoder.n_read == 2 * n_read
    assert not np.array_equal(load_vectors(run.id, how).embeddings.cls, load_vectors(run.id).embeddings.cls)


def test_an_image_without_cells_has_no_vectors_and_is_done(tmp_path, encoder):
    run = seed_run([seed_image(tmp_path)], head=None, n_cells=0)
    assert make_vectors(run.id) == 0
    assert load_vectors(run.id).embeddings.features.shape == (0, 6)


def test_a_run_stopped_in_the_middle_keeps_the_images_it_had_done(run, encoder):
    def stop_at_the_second(step, fraction):
        if fraction >= 0.5:
            raise Cancelled("stop")

    with pytest.raises(Cancelled):
        make_vectors(run.id, on_step=stop_at_the_second)
    n_first = encoder.n_read
    assert n_first == len(accepted(run, run.images[0]))
    make_vectors(run.id)
    assert encoder.n_read == n_first + len(accepted(run, run.images[1]))


def test_what_the_head_of_the_run_read_is_not_made_again(tmp_path, encoder):
    import json

    from cellapp.exports.run_json import read_run
    from cellapp.files import atomic_write

    run = seed_run([seed_image(tmp_path)])
    path = runs.run_folder(run.id) / run.images[0].stem / "run.json"
    assert keep_folder_vectors(run, VectorSettings()) == list(run.images), "nobody can say how those were made"
    tree = read_run(path) | {"vectors": VectorSettings().model_dump(mode="json")}
    with atomic_write(path) as part:
        part.write_text(json.dumps(tree))
    assert make_vectors(run.id) == encoder.n_read == 0
    assert load_vectors(run.id).embeddings.encoder == "cell-vit@1"
    assert keep_folder_vectors(run, VectorSettings(encoder="other")) == list(run.images)
