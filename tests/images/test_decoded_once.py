"""A slide that is decoded once has the pixels of the slide."""

from dataclasses import replace

import numpy as np
import pytest

from cellapp.images import decoded_once as module
from cellapp.images import sampling
from cellapp.images.channels import with_names
from cellapp.images.decoded_once import decoded_once
from cellapp.images.read import open_slide
from cellapp.images.sampling import read_at_most
from cellapp.types.image import Region

REGIONS = (None, Region(0, 0, 7, 9), Region(500, 490, 40, 40), Region(-5, -5, 20, 20), Region(100, 200, 64, 1))


class Counted:
    """A level that counts how often it is asked for pixels."""

    def __init__(self, level):
        self.level, self.shape, self.dtype, self.n = level, level.shape, level.dtype, 0

    def __getitem__(self, key):
        self.n += 1
        return self.level[key]


@pytest.fixture
def counted(demo):
    slide = open_slide(demo.slide)
    return replace(slide, levels=(Counted(slide.levels[0]), *slide.levels[1:]))


def test_pixels_are_those_of_the_slide_and_decoded_once(demo, counted):
    plain, kept = open_slide(demo.slide), decoded_once(counted)
    for region in REGIONS:
        np.testing.assert_array_equal(kept.region(region), plain.region(region))
        assert kept.region(region).dtype == plain.region(region).dtype
    assert counted.levels[0].n == 1
    assert (kept.info, kept.digest, kept.file_digest) == (plain.info, plain.digest, plain.file_digest)


def test_what_was_read_may_be_written_to(counted):
    kept = decoded_once(counted)
    before = kept.region()
    kept.region()[...] = 0
    np.testing.assert_array_equal(kept.region(), before)


def test_of_a_large_image_each_overview_is_read_once_whatever_its_channels_are_called(monkeypatch, counted):
    monkeypatch.setattr(module, "MOST_BYTES", counted.region().nbytes - 1)
    kept, counted.levels[0].n = decoded_once(counted), 0
    before = _overview(kept)
    n_reads = counted.levels[0].n
    pixels, _ = read_at_most(with_names(kept, [f"other {n}" for n in range(kept.info.shape[0])]), 100)
    np.testing.assert_array_equal(pixels, before)
    assert counted.levels[0].n == n_reads > 0
    pixels[...] = 0
    np.testing.assert_array_equal(_overview(kept), _overview(counted))
    assert _overview(kept).shape != read_at_most(kept, 50)[0].shape


def test_of_a_large_image_of_many_channels_no_overview_is_kept(monkeypatch, counted):
    monkeypatch.setattr(module, "MOST_BYTES", 0)
    monkeypatch.setattr(sampling, "MOST_KEPT_BYTES", _overview(counted).nbytes - 1)
    kept = decoded_once(counted)
    np.testing.assert_array_equal(_overview(kept), _overview(counted))
    assert kept.overviews == {}


def _overview(slide):
    return read_at_most(slide, 100)[0]
