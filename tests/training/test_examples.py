"""Pictures by index and by seed, ready to draw from."""

import numpy as np
import pytest

from cellapp.errors import InputError
from cellapp.training.examples import Kind, median_diameter, prepare, read_pictures
from tests.segmentation.phantoms import discs


def test_a_split_holds_its_own_images(data):
    assert {p.name: p.kind for p in read_pictures(data, "train", 0)} == {
        "dsb2018_a": Kind.FLUORESCENCE,
        "usiigaci_c": Kind.PHASE,
    }
    assert [p.kind for p in read_pictures(data, "val", 0)] == [Kind.STAINED]


def test_fragments_of_phase_contrast_are_dropped(data):
    phase = next(p for p in read_pictures(data, "train", 0) if p.kind is Kind.PHASE)
    assert np.unique(phase.labels).tolist() == [0, 1, 2]


def test_synthetic_fields_differ_between_splits(tmp_path):
    train, val = (next(read_pictures(tmp_path, split, 1)) for split in ("train", "val"))
    assert train.name != val.name
    assert not np.array_equal(train.labels, val.labels)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"index\.csv"):
        list(read_pictures(tmp_path, "train", 0))


def test_an_example_is_scaled_and_knows_its_cells(data, tmp_path):
    for picture in (*read_pictures(data, "train", 1), *read_pictures(data, "val", 0)):
        example = prepare(picture, tmp_path / "flows")
        assert example.planes.min() >= 0
        assert example.planes.max() <= 1
        assert example.flows.shape == (2, *example.labels.shape)
        length = np.linalg.norm(example.flows.astype(np.float32), axis=0)
        assert not length[example.labels == 0].any()
        assert np.median(length[example.labels > 0]) == pytest.approx(1, abs=0.02)
        assert example.weights.sum() == pytest.approx(1, abs=1e-4)


def test_flows_are_computed_once(data, tmp_path, monkeypatch):
    picture = next(read_pictures(data, "train", 0))
    first = prepare(picture, tmp_path)
    monkeypatch.setattr("cellapp.training.examples.flow_targets", None)
    assert np.array_equal(prepare(picture, tmp_path).flows, first.flows)


def test_a_picture_without_cells_teaches_no_size(data, tmp_path):
    picture = next(read_pictures(data, "train", 0))
    picture.labels[...] = 0
    assert prepare(picture, tmp_path) is None


def test_the_diameter_is_the_median_of_the_cells():
    assert median_diameter(np.zeros((4, 4), int)) == 0
    truth = discs((200, 200), [(40, 40), (40, 120), (140, 100)], 15)
    assert median_diameter(truth) == pytest.approx(30, rel=0.02)
