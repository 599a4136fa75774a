"""A slide that is decoded once has the pixels of the slide."""

from dataclasses import replace

import numpy as np
import pytest

from cellapp.images import decoded_once as module
from cellapp.images.decoded_once import decoded_once
from cellapp.images.read import open_slide
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


def test_of_a_large_image_nothing_is_kept(monkeypatch, counted):
    monkeypatch.setattr(module, "MOST_BYTES", counted.region().nbytes - 1)
    assert decoded_once(counted) is counted
