"""The kNN vote and the file of the curves."""

import csv
import math
from dataclasses import replace

import numpy as np
import pytest

from cellapp.training.encoder.knn_monitor import encode, knn_accuracy, knn_of_sets, write_curves
from cellapp.training.encoder.student_teacher import StudentTeacher
from tests.training.encoder.toys import TINY, toy_cells


def two_clouds(n, seed):
    rng = np.random.default_rng(seed)
    labels = np.array(["a", "b"])[rng.integers(0, 2, n)]
    return rng.normal(np.where(labels == "a", 5.0, -5.0)[:, None], 1.0, (n, 4)).astype(np.float32), labels


def test_what_is_far_apart_is_told_apart():
    assert knn_accuracy(*two_clouds(40, 0), *two_clouds(20, 1)) == 1.0


def test_accuracy_is_balanced():
    bank, labels = two_clouds(40, 0)
    asked = np.concatenate([bank[labels == "a"][:1], bank[labels == "b"][:9]])
    wrong = np.array(["b"] + ["b"] * 9)
    assert knn_accuracy(bank, labels, asked, wrong) == pytest.approx(0.9)
    assert knn_accuracy(bank, labels, asked, np.array(["a"] + ["a"] * 9)) == pytest.approx(0.1)
    mixed = np.array(["b"] + ["b"] * 8 + ["a"])
    assert knn_accuracy(bank, labels, asked, mixed) == pytest.approx((8 / 9 + 0) / 2)


@pytest.mark.parametrize(("n_bank", "n_asked"), [(0, 3), (3, 0), (0, 0)])
def test_nothing_known_or_asked_is_no_number(n_bank, n_asked):
    assert math.isnan(knn_accuracy(*two_clouds(n_bank, 0), *two_clouds(n_asked, 1)))


def test_fewer_cells_than_neighbours_vote_too():
    assert knn_accuracy(*two_clouds(3, 0), *two_clouds(3, 0)) == 1.0


def test_encoding_is_deterministic_and_reads_the_cell_alone():
    network = StudentTeacher(TINY).teacher.network
    cells = toy_cells(5)
    vectors = encode(network, cells, TINY)
    assert vectors.shape == (5, 2 * TINY.network.hidden_size)
    littered = cells.pixels.copy()
    littered[:, :3][np.repeat(cells.pixels[:, 3:] == 0, 3, axis=1)] = 50
    np.testing.assert_array_equal(encode(network, replace(cells, pixels=littered), TINY), vectors)
    assert encode(network, cells[np.zeros(5, bool)], TINY).shape == (0, 2 * TINY.network.hidden_size)


def test_sets_without_labels_have_no_accuracy():
    cells = toy_cells(6)
    unknown = replace(cells, labels=np.full(6, ""))
    assert math.isnan(knn_of_sets(StudentTeacher(TINY).teacher.network, unknown, unknown, TINY))


def test_curves_are_written_whole(tmp_path):
    rows = [{"step": 1, "knn": 0.5}, {"step": 2, "knn": 0.75}]
    write_curves(rows, tmp_path / "curves.csv")
    with (tmp_path / "curves.csv").open() as file:
        assert [dict(row) for row in csv.DictReader(file)] == [
            {"step": "1", "knn": "0.5"},
            {"step": "2", "knn": "0.75"},
        ]
    assert [path.name for path in tmp_path.iterdir()] == ["curves.csv"]


def vote(bank, labels, query):
    """A vote by hand: the ten nearest by cosine, each with weight exp(cosine / 0.07)."""
    unit = bank / np.linalg.norm(bank, axis=1, keepdims=True)
    similarity = unit @ (query / np.linalg.norm(query))
    nearest = np.argsort(-similarity)[:10]
    weights = {label: np.exp(similarity[nearest][labels[nearest] == label] / 0.07).sum() for label in set(labels)}
    return max(weights, key=weights.get)


@pytest.mark.parametrize("seed", range(4))
def test_the_accuracy_is_that_of_a_vote_by_hand(seed):
    rng = np.random.default_rng(seed)
    labels, asked_labels = rng.choice(["a", "b", "c"], 60), rng.choice(["a", "b", "c"], 40)
    centres = {label: rng.normal(size=8) for label in "abc"}
    bank, asked = (
        np.stack([centres[label] + 1.5 * rng.normal(size=8) for label in some]) for some in (labels, asked_labels)
    )
    calls = np.array([vote(bank, labels, query) for query in asked])
    expected = np.mean([(calls[asked_labels == label] == label).mean() for label in np.unique(asked_labels)])
    assert knn_accuracy(bank, labels, asked, asked_labels) == pytest.approx(expected)


@pytest.mark.parametrize("scale", [1e-3, 1, 1e3])
def test_the_length_of_vectors_does_not_matter(scale):
    (bank, labels), (asked, asked_labels) = two_clouds(30, 0), two_clouds(20, 1)
    expected = knn_accuracy(bank, labels, asked, asked_labels)
    assert knn_accuracy(bank * scale, labels, asked, asked_labels) == expected


def test_classes_that_are_only_in_the_bank_do_not_count():
    (bank, labels), (asked, asked_labels) = two_clouds(30, 0), two_clouds(20, 1)
    one = asked_labels == asked_labels[0]
    accuracy = knn_accuracy(bank, labels, asked[one], asked_labels[one])
    assert 0 <= accuracy <= 1
    assert knn_accuracy(bank, labels, asked[one], np.full(one.sum(), "unheard of")) == 0
