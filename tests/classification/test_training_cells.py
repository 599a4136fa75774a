"""Training cells that go with a head."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.classification.training_cells import (
    LIST,
    SIDE_PX,
    TENSORS,
    TrainingCells,
    read_training_cells,
    rows_to_keep,
    write_training_cells,
)
from cellapp.errors import InputError


def some(n=4, pictures=True):
    drawn = np.full((n, SIDE_PX, SIDE_PX, 3), 7, np.uint8) if pictures else None
    names = tuple(f"field/{i}" for i in range(n))
    features = np.random.default_rng(0).normal(size=(n, 6)).astype(np.float32)
    return TrainingCells(features, ("cancer", "normal") * (n // 2), names, ("g",) * n, 99, drawn)


@pytest.mark.parametrize("pictures", [True, False])
def test_what_was_kept_comes_back(tmp_path, pictures):
    cells = some(pictures=pictures)
    write_training_cells(cells, tmp_path)
    again = read_training_cells(tmp_path)
    np.testing.assert_array_equal(again.features, cells.features)
    assert (again.labels, again.names, again.groups, again.n_all) == (cells.labels, cells.names, cells.groups, 99)
    assert (again.pictures is None) != pictures


def test_heads_that_keep_none_have_none_and_damage_is_refused(tmp_path):
    assert read_training_cells(tmp_path) is None
    write_training_cells(some(), tmp_path)
    (tmp_path / TENSORS).write_bytes(b"other")
    with pytest.raises(InputError, match="does not match the sha256"):
        read_training_cells(tmp_path)
    (tmp_path / LIST).write_text("{}")
    with pytest.raises(InputError, match="cannot be read"):
        read_training_cells(tmp_path)


@settings(max_examples=30, deadline=None)
@given(sizes=st.lists(st.integers(1, 60), min_size=1, max_size=4), n=st.integers(4, 80))
def test_cells_are_kept_evenly_over_classes(sizes, n):
    labels = [name for k, size in enumerate(sizes) for name in [f"c{k}"] * size]
    rows = rows_to_keep(labels, n)
    assert len(set(rows.tolist())) == len(rows) == min(n, len(labels)) or len(rows) >= min(n, len(labels)) - len(sizes)
    counts = Counter(labels[row] for row in rows)
    short = [name for name in counts if counts[name] < labels.count(name)]
    assert not short or max(counts.values()) - min(counts[name] for name in short) <= len(sizes)
