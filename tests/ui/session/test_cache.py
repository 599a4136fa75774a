"""What pages read of a slide that is too large to be decoded there."""

from dataclasses import replace

import numpy as np
import pytest
import streamlit as st
import tifffile
from PIL import Image

from cellapp.jobs import queue, worker_process
from cellapp.jobs.requests import request_pyramid
from cellapp.store import open_image, projects, uploads
from cellapp.ui.session import cache


class Counted:
    """A level that knows how much of it was read."""

    def __init__(self, level):
        self.level, self.shape, self.dtype, self.n_read = level, level.shape, level.dtype, 0

    def __getitem__(self, key):
        part = self.level[key]
        self.n_read += part.size
        return part


@pytest.fixture(autouse=True)
def no_worker(monkeypatch):
    monkeypatch.setattr(worker_process, "ensure_worker", lambda *_: None)


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(100, 900, (2, 1500, 2700), dtype=np.uint16)


@pytest.fixture
def flat(tmp_path, pixels):
    """A large tiled slide without a pyramid."""
    tifffile.imwrite(tmp_path / "flat.tif", pixels, tile=(256, 256), photometric="minisblack")
    return uploads.add_image(projects.default_project().id, tmp_path / "flat.tif", "flat.tif")


def test_the_brightness_of_a_flat_slide_is_told_from_a_few_windows(flat, pixels, monkeypatch):
    read = []

    def opened(image_id):
        view = open_image.open_view(image_id)
        read.append(Counted(view.levels[0]))
        return replace(view, levels=(read[-1], *view.levels[1:]))

    monkeypatch.setattr(cache, "open_view", opened)
    seen = cache.overview(flat)
    assert read[0].n_read < pixels.size / 6
    np.testing.assert_allclose(np.percentile(seen, [1, 99]), np.percentile(pixels, [1, 99]), rtol=0.05)
    open_image.make_pyramid(flat.id)
    assert max(cache.overview(flat).shape[1:]) <= cache.OVERVIEW_PX
    assert read[1].n_read == 0


@pytest.fixture
def undivided(tmp_path):
    """A large picture of which no part can be decoded alone."""
    Image.fromarray(np.full((40, 2100), 7, np.uint8)).save(tmp_path / "long.png")
    return uploads.add_image(projects.default_project().id, tmp_path / "long.png", "long.png")


def test_a_page_waits_for_the_pyramid_of_what_cannot_be_decoded_in_parts(undivided, monkeypatch):
    waited = []
    monkeypatch.setattr(cache, "wait_for", waited.append)
    monkeypatch.setattr(st, "stop", lambda: (_ for _ in ()).throw(InterruptedError))
    with pytest.raises(InterruptedError):
        cache.overview(undivided)
    (job,) = queue.list_jobs(undivided.project_id)
    assert (job.kind, waited[0].id) == ("pyramid", job.id)
    open_image.make_pyramid(undivided.id)
    assert cache.overview(undivided).max() == 7


def test_where_the_pyramid_cannot_be_made_the_page_reads_the_whole(undivided):
    request_pyramid(undivided)
    queue.fail(queue.claim("tester").id, "the disk is full", worker_id="tester")
    assert cache.overview(undivided).max() == 7
