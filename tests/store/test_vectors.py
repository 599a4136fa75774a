"""Vectors are kept once for all runs that need them, and go with the last of these."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cellapp.errors import StoreError
from cellapp.settings import AnalyseSettings, CropSettings, FeatureSettings, VectorSettings
from cellapp.store import vectors
from cellapp.store.projects import project_vectors, set_project_vectors
from cellapp.store.purge import purge_vectors
from cellapp.store.runs import create_run, delete_run, finish_run, purge_deleted, set_image_status
from tests.classification.heads import random_embeddings

GRID = FeatureSettings(source="grid")
DEFAULT = VectorSettings()


@pytest.fixture
def make_run(project, add):
    """Make a finished run of images of these values, without files."""

    def make(*values):
        run = create_run(project.id, [add(value).id for value in values], AnalyseSettings())
        for image in run.images:
            set_image_status(run.id, image.image_id, "done", n_cells=5)
        return finish_run(run.id)

    return make


def keep(run, number, embeddings, *, how=DEFAULT, parts=None):
    key = vectors.vectors_key(parts or {"run": run.id, "image": number, "how": how.key})
    image_id = run.images[number].image_id
    vectors.keep_vectors(run.id, image_id, how, encoder=embeddings.encoder, key=key, embeddings=embeddings)
    return vectors.vectors_path(key)


def test_vectors_come_back_as_they_were(make_run):
    run = make_run(1, 2)
    some, more = random_embeddings(3, seed=1), random_embeddings(4, seed=2)
    keep(run, 0, some)
    keep(run, 1, more)
    found = vectors.load_vectors(run.id)
    np.testing.assert_array_equal(found.embeddings.features, np.concatenate([some.features, more.features]))
    np.testing.assert_array_equal(found.cell_ids, np.concatenate([some.cell_ids, more.cell_ids]))
    assert found.image_ids == (run.images[0].image_id,) * 3 + (run.images[1].image_id,) * 4
    assert found.settings == project_vectors(run.project_id) == VectorSettings()


@pytest.mark.parametrize("n", [0, 1, 7])
@pytest.mark.parametrize("extra", ["measured", "spread_patch", "neither"])
def test_every_kind_of_vector_is_kept_whole(make_run, n, extra):
    run, plain = make_run(1), random_embeddings(n)
    kept = plain if extra == "neither" else replace(plain, **{extra: np.full((n, 3), 0.5, np.float32)})
    keep(run, 0, replace(kept, views=8))
    found = vectors.image_vectors(run, run.images[0].image_id, VectorSettings())
    assert (found.views, found.source, found.encoder) == (8, kept.source, kept.encoder)
    assert (found.measured is None) == (kept.measured is None)
    np.testing.assert_array_equal(found.features, kept.features)


def test_each_way_of_making_them_has_its_own(make_run):
    run = make_run(1)
    ways = [VectorSettings(), VectorSettings(crop=CropSettings()), VectorSettings(encoder="other")]
    for seed, how in enumerate(ways):
        keep(run, 0, random_embeddings(seed=seed), how=how)
    for seed, how in enumerate(ways):
        found = vectors.load_vectors(run.id, how).embeddings
        np.testing.assert_array_equal(found.cls, random_embeddings(seed=seed).cls)


def test_missing_vectors_are_an_error_that_names_the_way_out(make_run):
    run = make_run(1, 2)
    keep(run, 1, random_embeddings())
    with pytest.raises(StoreError, match=r"no vectors by cell-vit of 1 of 2 images.*make vectors of this run"):
        vectors.load_vectors(run.id)
    keep(run, 0, random_embeddings()).unlink()
    assert list(vectors.kept_vectors(run.id, VectorSettings())) == [run.images[1].image_id]
    with pytest.raises(StoreError, match="make vectors"):
        vectors.load_vectors(run.id)


def test_a_run_without_a_finished_image_has_none(project, add):
    run = create_run(project.id, [add().id], AnalyseSettings())
    with pytest.raises(StoreError, match="no image is done"):
        vectors.load_vectors(run.id)
    with pytest.raises(StoreError, match="has no image"):
        vectors.keep_vectors(run.id, "none", VectorSettings(), encoder="a@1", key="0" * 64, embeddings=None)


def test_shared_vectors_go_with_the_last_run_that_needs_them(make_run):
    one, other = make_run(1), make_run(1)
    path = keep(one, 0, random_embeddings(), parts={"the": "same"})
    assert keep(other, 0, random_embeddings(), parts={"the": "same"}) == path
    alone = keep(one, 0, random_embeddings(), how=VectorSettings(encoder="other"))
    delete_run(one.id)
    purge_deleted(older_than_s=-1)
    assert purge_vectors() == 0, "a file that was just written may belong to a row that is just being added"
    assert purge_vectors(untouched_s=-1) == 1
    assert (path.exists(), alone.exists()) == (True, False)
    assert len(vectors.load_vectors(other.id).cell_ids) == 5
    delete_run(other.id)
    purge_deleted(older_than_s=-1)
    assert purge_vectors(untouched_s=-1) == 1
    assert not path.exists()


def test_a_project_says_how_its_cells_become_vectors(project):
    how = VectorSettings(encoder="dinov2-small", reads=GRID)
    set_project_vectors(project.id, how)
    assert project_vectors(project.id) == how


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.sampled_from("abcd"), st.integers() | st.lists(st.text(), max_size=2), max_size=4))
def test_equal_parts_have_equal_keys_in_any_order(parts):
    turned = dict(reversed(parts.items()))
    assert vectors.vectors_key(parts) == vectors.vectors_key(turned)
    assert vectors.vectors_key(parts) != vectors.vectors_key(parts | {"e": 1})
