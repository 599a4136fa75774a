"""Plainer methods: their inputs, their folds, and the twin without training."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from cellapp.cells.input_features import measured_names
from cellapp.settings import FeatureSettings
from cellapp.training.classifier import baselines
from cellapp.training.classifier.baselines import (
    BOTH,
    CYTOSKELETON,
    EMBEDDING,
    FOREST,
    FOREST_WITH_MOMENTS,
    SHAPE,
    UNTRAINED,
    hold_out_baselines,
    untrained_twin,
)
from cellapp.training.classifier.cross_validation import hold_out
from cellapp.training.encode_dataset import N_PLAIN, N_STATISTICS
from cellapp.training.folds import split_groups
from cellapp.types.cells import Embeddings
from tests.classification.heads import PURPOSE, toy_cells
from tests.encoders.tiny import FAMILIES, tiny_encoder

pytestmark = pytest.mark.slow

DATA = toy_cells(n_groups=6, per_group=8)
N = len(DATA.labels)
N_MEASURED = len(measured_names(FeatureSettings(shape=True, cytoskeleton=True)))
FOLD_OF = split_groups(DATA.codes, DATA.group_names, DATA.classes, folds=3, seed=0)


def dataset(statistics=True):
    rng = np.random.default_rng(0)
    ids, half = np.arange(N, dtype=np.int32), DATA.features.shape[1] // 2
    cls, mean = DATA.features[:, :half], DATA.features[:, half:]
    noise = rng.normal(size=(2, N, half))
    return SimpleNamespace(
        embeddings={
            EMBEDDING: Embeddings(cls, mean, ids, "tiny@1", measured=rng.normal(size=(N, N_MEASURED))),
            UNTRAINED: Embeddings(noise[0], noise[1], ids, "untrained@1"),
        },
        statistics=rng.normal(size=(N, 2 * N_STATISTICS)) if statistics else None,
    )


@pytest.fixture(autouse=True)
def few_trees(monkeypatch):
    monkeypatch.setattr(baselines, "_TREES", 10)


def test_every_method_gives_probabilities_of_every_cell():
    probabilities = hold_out_baselines(dataset(), DATA, PURPOSE, FOLD_OF, seed=0)
    assert list(probabilities) == [EMBEDDING, SHAPE, BOTH, CYTOSKELETON, UNTRAINED, FOREST, FOREST_WITH_MOMENTS]
    for rows in probabilities.values():
        assert rows.shape == (N, 2)
        np.testing.assert_allclose(rows.sum(axis=1), 1)


def test_the_embedding_baseline_is_the_head_on_plain_vectors():
    probabilities = hold_out_baselines(dataset(statistics=False), DATA, PURPOSE, FOLD_OF, seed=0)
    expected = hold_out(DATA, PURPOSE, FOLD_OF, seed=0).probabilities
    np.testing.assert_allclose(probabilities[EMBEDDING], expected)


def test_without_statistics_there_are_no_forests():
    probabilities = hold_out_baselines(dataset(statistics=False), DATA, PURPOSE, FOLD_OF, seed=0)
    assert {FOREST, FOREST_WITH_MOMENTS}.isdisjoint(probabilities)


def test_a_forest_has_not_seen_the_cells_it_is_asked_about():
    data = dataset()
    probabilities = hold_out_baselines(data, DATA, PURPOSE, FOLD_OF, seed=4)[FOREST]
    plain = data.statistics[:, : 2 * N_PLAIN]
    for fold in np.unique(FOLD_OF):
        rows = fold == FOLD_OF
        forest = RandomForestClassifier(10, random_state=4).fit(plain[~rows], DATA.codes[~rows])
        np.testing.assert_allclose(probabilities[rows], forest.predict_proba(plain[rows]))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_twin_has_the_form_of_its_encoder_and_other_weights(family, tmp_path):
    encoder = tiny_encoder(tmp_path, family).reading(FeatureSettings(views=8))
    twin = untrained_twin(encoder, tmp_path, seed=1)
    assert (twin.input_px, twin.dim, twin.grid, twin.n_prefix) == (
        encoder.input_px,
        encoder.dim,
        encoder.grid,
        encoder.n_prefix,
    )
    assert twin.reads == FeatureSettings(views=8)
    assert twin.standard == encoder.standard
    crops = np.random.default_rng(0).random((2, 3, 32, 32)).astype(np.float32)
    ids = np.arange(2, dtype=np.int32)
    assert not np.allclose(twin.embed(crops, ids).cls, encoder.embed(crops, ids).cls)


def test_a_seed_gives_one_twin(tmp_path):
    encoder = tiny_encoder(tmp_path)
    crops, ids = np.random.default_rng(0).random((2, 3, 32, 32)).astype(np.float32), np.arange(2, dtype=np.int32)
    first, same, other = (untrained_twin(encoder, tmp_path, seed=seed).embed(crops, ids).cls for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, same)
    assert not np.allclose(first, other)
