"""The middle of a cluster is its middle, the edge lies between clusters, and what is like no other is found."""

import numpy as np

from cellapp.discovery.typical_cells import outliers, typical_cells


def line():
    """Two clusters on a line, 0 to 9 and 20 to 29."""
    return np.concatenate([np.arange(10.0), np.arange(20.0, 30.0)])[:, None], np.repeat([0, 1], 10)


def test_middle_and_edge():
    points, labels = line()
    first, second = typical_cells(points, labels, n=3)
    assert (first.n_cells, second.n_cells) == (10, 10)
    assert set(first.middle[:2]) == {4, 5}
    assert set(second.middle[:2]) == {14, 15}
    assert first.edge[0] == 9
    assert second.edge[0] == 10


def test_one_cluster_has_no_edge_and_cells_in_none_no_cluster():
    points, _ = line()
    (only,) = typical_cells(points, np.where(np.arange(20) < 10, 0, -1))
    assert len(only.edge) == 0
    assert only.middle.max() < 10


def test_a_planted_stranger_is_the_first_outlier():
    generator = np.random.default_rng(0)
    points, labels = generator.normal(size=(300, 4)), np.repeat([0, 1], 150)
    points[150:] += 8
    points[77] = [30, -30, 0, 0]
    rows, distance = outliers(points, labels)
    assert rows[0] == 77
    assert distance.argmax() == 77
    assert len(rows) < 5


def test_cells_in_no_cluster_are_outliers_and_a_single_cell_is_none():
    points, labels = line()
    rows, _ = outliers(points, np.where(np.arange(20) == 3, -1, labels))
    assert 3 in rows
    assert len(outliers(points[:1], labels[:1])[0]) == 0
