"""Images prepared for training."""

from dataclasses import replace

import numpy as np
import pytest

from cellapp.training.segmenter.dataset import TISSUE_CELL, median_diameter, pixel_weights, prepare, prepare_all
from cellapp.training.segmenter.labelled_image import Kind
from cellapp.training.segmenter.source_images import list_images, read_labelled_images
from tests.segmentation.phantoms import discs

pytestmark = pytest.mark.slow


def test_an_example_is_scaled_and_knows_its_cells(data, tmp_path):
    for image in (*read_labelled_images(data, "train", 1), *read_labelled_images(data, "val", 0)):
        example = prepare(image, tmp_path / "flows")
        assert example.planes.min() >= 0
        assert example.planes.max() <= 1
        assert example.flows.shape == (2, *example.labels.shape)
        length = np.linalg.norm(example.flows.astype(np.float32), axis=0)
        assert not length[example.labels == 0].any()
        assert np.median(length[example.labels > 0]) == pytest.approx(1, abs=0.02)
        assert example.mixing.sum() == pytest.approx(1, abs=1e-4)


def test_flows_are_computed_once(data, tmp_path, monkeypatch):
    image = next(read_labelled_images(data, "train", 0))
    first = prepare(image, tmp_path)
    monkeypatch.setattr("cellapp.training.segmenter.dataset.mask_flows", None)
    assert np.array_equal(prepare(image, tmp_path).flows, first.flows)


def test_what_nobody_labelled_weighs_nothing(data, tmp_path):
    image = next(read_labelled_images(data, "train", 0))
    ignore = np.zeros(image.labels.shape, bool)
    ignore[:10] = True
    weights = prepare(replace(image, ignore=ignore), tmp_path).weights
    assert not weights[:10].any()
    assert weights[10:].all()


def test_nuclei_of_tissue_weigh_more_than_their_background(data, tmp_path):
    image = next(read_labelled_images(data, "train", 0))
    plain, tissue = (prepare(replace(image, kind=kind), tmp_path).weights for kind in (image.kind, Kind.TISSUE))
    inside = image.labels > 0
    assert np.allclose(tissue[inside], TISSUE_CELL * plain[inside], rtol=1e-2)  # float16
    assert np.array_equal(tissue[~inside], plain[~inside])


def test_large_cells_have_nearly_the_flows_of_exact_ones(data, tmp_path, monkeypatch):
    image = next(read_labelled_images(data, "train", 0))
    image = replace(image, labels=discs((150, 161), [(50, 50), (90, 118)], 34), name="large")
    coarse = prepare(image, tmp_path / "coarse").flows.astype(np.float32)
    monkeypatch.setattr("cellapp.training.segmenter.dataset.ENOUGH_PX", 1000.0)
    exact = prepare(image, tmp_path / "exact").flows.astype(np.float32)
    inside = np.linalg.norm(exact, axis=0) > 0.5
    assert np.mean((coarse * exact).sum(axis=0)[inside] > 0.9) > 0.9
    assert not coarse[:, image.labels == 0].any()


def test_images_are_prepared_in_their_order_and_empty_ones_left_out(data, tmp_path):
    tasks = list_images(data, "train", 0)
    empty = replace(tasks[0](), labels=np.zeros((96, 96), np.int32), name="empty")
    examples = prepare_all([tasks[0], lambda: empty, tasks[1]], tmp_path)
    assert [example.kind for example in examples] == [Kind.FLUORESCENCE, Kind.PHASE]
    for task, example in zip(tasks, examples, strict=True):
        assert np.array_equal(example.planes, prepare(task(), tmp_path).planes)


def test_an_image_without_cells_teaches_no_size(data, tmp_path):
    image = next(read_labelled_images(data, "train", 0))
    image.labels[...] = 0
    assert prepare(image, tmp_path) is None


def test_the_diameter_is_the_median_of_the_cells():
    assert median_diameter(np.zeros((4, 4), int)) == 0
    truth = discs((200, 200), [(40, 40), (40, 120), (140, 100)], 15)
    assert median_diameter(truth) == pytest.approx(30, rel=0.02)


def test_small_cells_and_seams_weigh_more():
    truth = discs((120, 120), [(30, 30), (30, 59), (90, 30), (90, 90)], 15)
    truth = np.where(truth == 4, discs((120, 120), [(0, 0), (0, 0), (0, 0), (90, 90)], 5), truth)
    weights = pixel_weights(truth)
    assert weights.shape == truth.shape
    assert weights[0, 119] == 1
    assert weights[90, 90] > weights[90, 30]
    assert weights[30, 44:46].min() > weights[30, 30] + 1
    assert weights.min() > 0
