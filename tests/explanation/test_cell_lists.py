"""Which cells are offered for explanation."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.explanation.cell_lists import LISTED, SELECTED, UNSURE, WRONG, listings, medoids
from tests.ui.tables import CLASSES, cell_table


def classified(n, seed=0):
    cells = cell_table(n, seed, images=("a",))
    p = cells["p_cancer"].where(cells["qc_pass"])
    return cells.assign(cell_id=np.arange(1, n + 1), stem="a", p_cancer=p, p_normal=1 - p, margin=(2 * p - 1).abs())


@settings(max_examples=30, deadline=None)
@given(n=st.integers(0, 40), seed=st.integers(0, 30), chosen=st.lists(st.integers(0, 39), max_size=20))
def test_every_list_is_short_and_of_cells_that_have_a_probability(n, seed, chosen):
    cells = classified(n, seed)
    for title, rows in listings(cells, CLASSES, chosen).items():
        assert 0 < len(rows) <= LISTED
        assert rows["p_cancer"].notna().all()
        if title == SELECTED:
            assert set(rows.index) <= set(chosen)
        if title not in (SELECTED, UNSURE, WRONG):
            assert set(rows["label"]) == {title.split()[1]}


def test_lists_begin_with_the_strongest_the_most_typical_and_the_least_sure():
    cells = classified(40).query("qc_pass")
    lists = listings(cells, CLASSES, [])
    cancer = cells[cells["label"] == "cancer"]["p_cancer"]
    assert lists["Strongest cancer"]["p_cancer"].iloc[0] == cancer.max()
    typical = lists["Typical cancer"]["p_cancer"].iloc[0]
    assert abs(typical - cancer.median()) == (cancer - cancer.median()).abs().min()
    assert lists[UNSURE]["margin"].iloc[0] == cells["margin"].min()
    assert listings(cells, (), [0]) == {}


def test_wrong_cells_are_those_whose_label_is_another_the_surest_first():
    cells = classified(30).query("qc_pass")
    other = cells["label"].map({"cancer": "normal", "normal": "cancer"})
    given = pd.Series("", cells.index, dtype=object)
    given.iloc[:6], given.iloc[6:9] = other.iloc[:6], cells["label"].iloc[6:9]
    wrong = listings(cells.assign(manual_label=given), CLASSES)[WRONG]
    assert set(wrong.index) == set(cells.index[:6])
    assert wrong["margin"].is_monotonic_decreasing
    assert WRONG not in listings(cells, CLASSES)


@settings(max_examples=20, deadline=None)
@given(n=st.integers(0, 25), k=st.integers(1, 8), seed=st.integers(0, 99))
def test_medoids_are_different_cells_and_no_exchange_of_one_for_a_copy_is_needed(n, k, seed):
    vectors = np.random.default_rng(seed).normal(size=(n, 3))
    found = medoids(vectors, k)
    assert len(found) == len(set(found.tolist())) == min(k, n)
    np.testing.assert_array_equal(found, medoids(vectors, k))


def test_the_medoids_of_clusters_are_their_middles_and_the_largest_comes_first():
    rng = np.random.default_rng(1)
    centres, sizes = np.array([[0, 0], [40, 0], [0, 40]]), (10, 30, 20)
    vectors = np.concatenate(
        [c + np.r_[[[0, 0]], rng.normal(size=(n - 1, 2))] for c, n in zip(centres, sizes, strict=True)]
    )
    found = medoids(vectors, 3)
    group = np.repeat([0, 1, 2], sizes)
    assert group[found].tolist() == [1, 2, 0]
    for row in found:
        mine = vectors[group == group[row]]
        sums = np.linalg.norm(mine[:, None] - mine, axis=-1).sum(axis=1)
        assert np.linalg.norm(vectors[row] - mine, axis=1).sum() <= 1.02 * sums.min()


@pytest.mark.parametrize("missing", [0, 1])
def test_typical_cells_are_medoids_where_every_cell_has_a_vector(missing):
    cells = classified(30).query("qc_pass")
    vectors = pd.DataFrame(np.random.default_rng(0).normal(size=(len(cells), 4)), index=cells.index)
    of_class = cells[cells["label"] == "cancer"]
    vectors.loc[of_class.index[5]] = vectors.loc[of_class.index].mean()
    known = vectors.drop(of_class.index[:missing])
    typical = listings(cells, CLASSES, vectors=known)["Typical cancer"]
    wanted = of_class.index[medoids(vectors.loc[of_class.index].to_numpy(), LISTED)]
    assert (list(typical.index) == list(wanted)) == (missing == 0)
