"""Reasons by example: the nearest training cells, and the most similar cell of another class."""

import numpy as np
import pandas as pd
import pytest

from cellapp.classification.training_cells import TrainingCells, write_training_cells
from cellapp.errors import InputError
from cellapp.pipeline.reasons_by_example import EXAMPLES, reasons_by_example
from cellapp.types.cells import Embeddings
from tests.classification.heads import random_head

HEAD = random_head(dim=2)


def image(seed, labels):
    rng, n = np.random.default_rng(seed), len(labels)
    ids = np.arange(1, n + 1, dtype=np.int32)
    cls, mean = rng.normal(size=(2, n, 2)).astype(np.float32)
    table = pd.DataFrame({"label": labels}, index=pd.Index(ids, name="cell_id"))
    return table, Embeddings(cls, mean, ids, HEAD.encoder)


@pytest.fixture
def run():
    made = {"a": image(1, ["cancer", "normal", "cancer", ""]), "b": image(2, ["normal", "normal", "cancer"])}
    return {name: table for name, (table, _) in made.items()}, {name: vectors for name, (_, vectors) in made.items()}


def keep(folder, vectors, n_all=50):
    features = np.concatenate([vectors["a"].features, vectors["a"].features + 5])
    labels = ("cancer",) * 4 + ("normal",) * 4
    folder.mkdir(exist_ok=True)
    write_training_cells(TrainingCells(features, labels, tuple(f"t{i}" for i in range(8)), ("g",) * 8, n_all), folder)


def test_the_nearest_training_cell_of_a_training_cell_is_itself(run, tmp_path):
    tables, vectors = run
    keep(tmp_path / "head", vectors)
    found = reasons_by_example(tables, vectors.get, "a", 3, HEAD, tmp_path / "head")
    assert (found.label, found.nearest[0].name, found.nearest[0].label) == ("cancer", "t2", "cancer")
    assert found.nearest[0].distance == pytest.approx(0, abs=1e-6)
    assert len(found.nearest) == EXAMPLES
    assert "the head was trained on this very cell" in found.sentences[0]
    assert "(8 of 50 are kept with it)" in found.sentences[0]
    assert found.as_json()["training_cells"][0] == {"name": "t2", "label": "cancer", "distance": 0.0}


def test_the_most_similar_other_cell_is_the_nearest_called_otherwise_anywhere_in_the_run(run, tmp_path):
    tables, vectors = run
    found = reasons_by_example(tables, vectors.get, "a", 1, HEAD, tmp_path / "nowhere")
    scaled = {name: HEAD.standardise(one.features) for name, one in vectors.items()}
    away = {
        (name, int(i)): np.linalg.norm(scaled[name][row] - scaled["a"][0])
        for name, one in vectors.items()
        for row, i in enumerate(one.cell_ids)
        if tables[name].loc[i, "label"] == "normal"
    }
    assert (found.other.stem, found.other.cell_id) == min(away, key=away.get)
    assert found.other.label == "normal"


def test_where_there_are_none_it_says_so(run, tmp_path):
    tables, vectors = run
    alone = {"a": tables["a"].assign(label="cancer")}
    found = reasons_by_example(alone, vectors.get, "a", 1, HEAD, tmp_path / "nowhere")
    assert found.sentences[0].startswith("The training cells of toy are not here")
    assert found.sentences[1] == "No cell of this run is called otherwise."
    assert found.as_json()["most_similar_other"] is None


@pytest.mark.parametrize(
    ("stem", "cell_id", "said"), [("a", 99, "no cell 99"), ("c", 1, "no cell 1"), ("a", 4, "has no class")]
)
def test_cells_without_a_call_are_refused(run, tmp_path, stem, cell_id, said):
    tables, vectors = run
    with pytest.raises(InputError, match=said):
        reasons_by_example(tables, vectors.get, stem, cell_id, HEAD, tmp_path)
