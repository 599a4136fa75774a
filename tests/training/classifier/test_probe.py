"""The probe calls all cells from the labelled ones, and says how far it agrees with labels it had not seen."""

import numpy as np
import pytest

from cellapp.errors import InputError
from cellapp.training.classifier.next_cells import next_cells
from cellapp.training.classifier.probe import MAX_LABELLED, _drawn, refit


def toy(n=60, seed=0):
    random = np.random.default_rng(seed)
    truth = np.where(np.arange(n) % 2 == 0, "even", "odd")
    vectors = random.normal(size=(n, 5))
    vectors[:, 2] += np.where(truth == "odd", 4, -4)
    return vectors, truth, [f"i{k % 6}" if k % 2 else f"i{k % 4}" for k in range(n)]


def test_cells_without_a_label_are_called_like_those_with_one():
    vectors, truth, images = toy(120)
    labels = np.where(np.arange(120) < 90, truth, "")
    probe = refit(vectors, labels, images)
    assert probe.classes == ("even", "odd")
    assert probe.n_labelled == 90
    np.testing.assert_allclose(probe.probabilities.sum(axis=1), 1)
    assert (np.asarray(probe.classes)[probe.probabilities.argmax(axis=1)] == truth).all()
    assert probe.n_compared == 90
    assert probe.n_agree >= 81
    assert "of 90 labels in images it had not seen" in probe.sentence


def test_agreement_is_on_images_it_had_not_seen():
    """Vectors that tell images and not classes agree within an image only."""
    images = np.repeat(["a", "b", "c", "d"], 10)
    labels = np.repeat(["x", "y", "x", "y"], 10)
    vectors = np.eye(4)[np.repeat(np.arange(4), 10)] * 9
    probe = refit(vectors, labels, images)
    assert (np.asarray(probe.classes)[probe.probabilities.argmax(axis=1)] == labels).all()
    assert probe.n_agree < 0.8 * probe.n_compared


def test_one_image_gives_no_agreement_and_says_what_to_do():
    vectors, truth, _ = toy()
    probe = refit(vectors, truth, ["one"] * 60)
    assert probe.n_agree is None
    assert "two images" in probe.sentence


@pytest.mark.parametrize(("labels", "words"), [(["", ""], "none so far"), (["a", ""], "only 'a' so far")])
def test_fewer_than_two_classes_are_too_few(labels, words):
    with pytest.raises(InputError, match=words):
        refit(np.ones((2, 3)), labels, ["i", "j"])


def test_rare_classes_are_kept_whole_where_labels_are_drawn():
    codes = np.repeat([0, 1, 2], [40, 3, 10])
    rows = _drawn(codes, 20, seed=1)
    assert len(set(rows.tolist())) == 20
    assert np.bincount(codes[rows]).tolist()[1] == 3
    np.testing.assert_array_equal(rows, _drawn(codes, 20, seed=1))
    np.testing.assert_array_equal(_drawn(codes, MAX_LABELLED, 0), np.arange(53))


def test_the_least_sure_cells_come_next():
    vectors, truth, images = toy()
    vectors[50] = 0
    vectors[:, [0, 1, 3, 4]] = 0
    labels = np.where(np.arange(60) < 20, truth, "")
    assert next_cells(vectors, labels, images, "least-sure")[0] == 50
    with pytest.raises(InputError, match="no class 'cancer'"):
        next_cells(vectors, labels, images, "band", of_class="cancer")
