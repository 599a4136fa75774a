"""Rankings with and without vectors, and before there is a probe."""

import numpy as np
import pytest

from cellapp.ui.learn.label.order import NAMES, WITHOUT_VECTORS, Choice, rank

VECTORS = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)
IMAGES = ["a", "b"] * 6


@pytest.mark.parametrize("order", NAMES)
@pytest.mark.parametrize("labels", [[""] * 12, ["x", "y"] * 2 + [""] * 8])
def test_every_order_ranks_every_cell_and_the_unlabelled_first(order, labels):
    ranking = rank(VECTORS, labels, IMAGES, 5, Choice(order))
    assert sorted(ranking.rows.tolist()) == list(range(12))
    n = sum(name != "" for name in labels)
    assert not n or set(ranking.rows[-n:].tolist()) == {row for row, name in enumerate(labels) if name}
    assert (ranking.probe is None) == (not n)
    assert bool(ranking.note) == (order in ("least-sure", "band") and not n)


@pytest.mark.parametrize("order", WITHOUT_VECTORS)
def test_some_need_no_vectors(order):
    assert sorted(rank(None, [""] * 12, IMAGES, None, Choice(order)).rows.tolist()) == list(range(12))
