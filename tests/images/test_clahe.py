"""Local contrast by curves that belong to the slide."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from skimage.exposure import equalize_adapthist

from cellapp.images.clahe import GRID, ClaheCurves


def scene(height, width, seed=0):
    y, x = np.mgrid[:height, :width]
    waves = np.sin(y / 5) * np.sin(x / 7) * (0.1 + 0.4 * (x > width / 2))
    plane = 0.5 + 0.3 * waves + 0.2 * (y / height - 0.5) + np.random.default_rng(seed).normal(0, 0.01, y.shape)
    return np.clip(plane, 0, 1).astype(np.float32)


@pytest.mark.parametrize("clip_limit", [0.01, 0.02, 0.1])
def test_where_the_overview_is_the_whole_it_is_scikit_image_s_clahe(clip_limit):
    plane = scene(512, 640)
    stretched = (plane - plane.min()) / np.ptp(plane)
    mine = ClaheCurves.fit(stretched, plane.shape, clip_limit).apply(stretched)
    theirs = equalize_adapthist(stretched, clip_limit=clip_limit)
    assert np.abs(mine - theirs).mean() < 0.01
    assert np.abs(mine - theirs).max() < 0.06


def test_an_overview_gives_nearly_the_curves_of_the_whole():
    plane = scene(800, 1000)
    from_whole = ClaheCurves.fit(plane, plane.shape, 0.02).apply(plane)
    from_overview = ClaheCurves.fit(plane[::4, ::4], plane.shape, 0.02).apply(plane)
    assert np.abs(from_whole - from_overview).mean() < 0.02


@given(
    y=st.integers(0, 60),
    x=st.integers(0, 80),
    height=st.integers(0, 60),
    width=st.integers(0, 80),
    n=st.integers(1, 90),
)
@settings(max_examples=40, deadline=None)
def test_a_region_comes_out_as_in_the_whole(y, x, height, width, n):
    plane = scene(61, n)
    known = ClaheCurves.fit(plane, plane.shape, 0.02)
    part = plane[y : y + height, x : x + width]
    np.testing.assert_array_equal(known.apply(part, (y, x)), known.apply(plane)[y : y + height, x : x + width])


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (3, 5), (8, 8), (9, 700)])
def test_small_and_long_images_have_as_many_fields_as_they_can(shape):
    known = ClaheCurves.fit(scene(*shape), shape, 0.02)
    assert known.grid == tuple(min(GRID, length) for length in shape)
    assert np.isfinite(known.apply(scene(*shape))).all()


@given(level=st.floats(0, 1), clip_limit=st.floats(0.0001, 1))
@settings(max_examples=25, deadline=None)
def test_order_is_kept_and_one_value_stays_one(level, clip_limit):
    flat = np.full((20, 20), level, np.float32)
    assert np.ptp(ClaheCurves.fit(flat, flat.shape, clip_limit).apply(flat)) < 1e-6
    ramp = np.linspace(0, 1, 400, dtype=np.float32).reshape(1, 400).repeat(1, axis=0)
    assert np.diff(ClaheCurves.fit(ramp[:, ::400], (1, 400), clip_limit).apply(ramp)[0]).min() >= 0


def test_the_curves_survive_json_to_the_last_bit():
    known, as_json = ClaheCurves.fit(scene(40, 50), (40, 50), 0.02), TypeAdapter(ClaheCurves)
    assert as_json.validate_json(as_json.dump_json(known)) == known
