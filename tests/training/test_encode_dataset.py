"""Pictures become rows: vectors, statistics and digests belong to one picture each."""

import hashlib

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kurtosis, skew

from cellapp.errors import Cancelled, InputError
from cellapp.settings import FeatureSettings, PreprocessSettings
from cellapp.training import encode_dataset as module
from cellapp.training.encode_dataset import N_PLAIN, N_STATISTICS, encode_dataset, intensity_statistics
from cellapp.training.labelled_crops import read_labelled_crops
from cellapp.types.cells import Embeddings
from tests.training.pictures import write_pictures


class MeanEncoder:
    """The mean of each plane, for tests without a network."""

    input_px, dim, reads = 16, 3, FeatureSettings()

    def embed(self, crops, cell_ids, *, patches=False):
        assert crops.shape == (len(cell_ids), 3, 16, 16)
        means = crops.mean(axis=(2, 3))
        return Embeddings(means, 2 * means, cell_ids, "mean@1")


@pytest.fixture
def folder(tmp_path):
    return write_pictures(tmp_path / "cells", n_groups=4, per_group=2)


def encode(folder, **options):
    return encode_dataset(read_labelled_crops(folder), {"mean": MeanEncoder()}, PreprocessSettings(), **options)


def test_every_column_belongs_to_its_picture(folder):
    dataset = encode(folder)
    assert len(dataset.crops) == len(dataset.digests) == len(dataset.statistics) == 8
    for row, file in enumerate(dataset.crops.files):
        assert dataset.digests[row] == hashlib.sha256((folder / file).read_bytes()).hexdigest()
        expected = intensity_statistics(tifffile.imread(folder / file))
        np.testing.assert_allclose(dataset.statistics[row], expected)
    assert dataset.embeddings["mean"].cell_ids.tolist() == list(range(8))
    assert dataset.side_px == 40


@pytest.mark.parametrize("batch", [1, 3, 64])
def test_the_batch_does_not_matter(folder, batch, monkeypatch):
    expected = encode(folder)
    monkeypatch.setattr(module, "_BATCH", batch)
    dataset = encode(folder)
    np.testing.assert_allclose(dataset.embeddings["mean"].cls, expected.embeddings["mean"].cls, atol=1e-6)
    assert list(dataset.crops.files) == list(expected.crops.files)


def test_a_picture_that_cannot_be_read_takes_its_row_with_it(folder, monkeypatch):
    monkeypatch.setattr(module, "_BATCH", 2)
    broken = ["cancer/00_0.tif", "cancer/00_1.tif", "normal/03_1.tif"]  # a whole batch, and one of another
    for file in broken:
        (folder / file).write_bytes(b"no picture")
    dataset = encode(folder)
    assert sorted(text.partition(":")[0] for text in dataset.left_out) == broken
    assert not set(broken) & set(dataset.crops.files)
    assert len(dataset.embeddings["mean"].cls) == len(dataset.crops) == len(dataset.crops.labels) == 5
    assert dataset.embeddings["mean"].cell_ids.tolist() == list(range(5))


def test_pictures_of_other_channels_leave_no_statistics(folder):
    tifffile.imwrite(folder / "cancer" / "00_0.tif", np.arange(1600, dtype=np.uint16).reshape(40, 40))
    dataset = encode(folder)
    assert dataset.statistics is None
    assert len(dataset.crops) == 8


def test_the_side_is_the_most_frequent_one(folder):
    tifffile.imwrite(folder / "cancer" / "00_0.tif", np.zeros((3, 90, 20), np.uint16), photometric="minisblack")
    assert encode(folder).side_px == 40


def test_a_class_without_pictures_is_refused(folder):
    for path in (folder / "normal").iterdir():
        path.write_bytes(b"no picture")
    with pytest.raises(InputError, match="no picture of class 'normal' can be read; first reason: normal/"):
        encode(folder)


def test_progress_ends_at_one_and_may_cancel(folder, monkeypatch):
    monkeypatch.setattr(module, "_BATCH", 3)
    fractions = []
    encode(folder, on_step=lambda step, fraction: fractions.append(fraction))
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1

    def cancel(step, fraction):
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        encode(folder, on_step=cancel)


@settings(max_examples=20, deadline=None)
@given(gain=st.floats(0.5, 4), offset=st.floats(-50, 50), seed=st.integers(0, 50))
def test_gain_and_offset_move_the_plain_statistics_and_not_the_moments(gain, offset, seed):
    raw = np.random.default_rng(seed).normal(100, 20, (2, 7, 9))
    before, after = intensity_statistics(raw), intensity_statistics(gain * raw + offset)
    n_channels = 2
    std = slice(n_channels, 2 * n_channels)
    np.testing.assert_allclose(after[std], gain * before[std], rtol=1e-9)
    others = np.delete(np.arange(N_PLAIN * n_channels), np.arange(n_channels, 2 * n_channels))
    np.testing.assert_allclose(after[others], gain * before[others] + offset, rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(after[N_PLAIN * n_channels :], before[N_PLAIN * n_channels :], rtol=1e-6, atol=1e-7)


def test_moments_are_those_of_scipy():
    raw = np.random.default_rng(3).gamma(2, 50, (3, 11, 13))
    statistics = intensity_statistics(raw).reshape(N_STATISTICS, 3)
    np.testing.assert_allclose(statistics[-2], skew(raw.reshape(3, -1), axis=1))
    np.testing.assert_allclose(statistics[-1], kurtosis(raw.reshape(3, -1), axis=1, fisher=False))
