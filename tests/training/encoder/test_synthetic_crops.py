"""Synthetic cells for pretraining."""

import numpy as np
import pytest

from cellapp.training.encoder.crop_dataset import STORED_PX
from cellapp.training.encoder.synthetic_crops import render_cells, transmitted_light


@pytest.fixture(scope="module")
def slide():
    return render_cells(0, side_px=300)


def test_cells_are_whole_labelled_and_of_one_slide(slide):
    windows, labels, group = slide
    assert windows.shape == (len(labels), 4, STORED_PX, STORED_PX)
    assert len(labels) > 0
    assert set(labels) <= {"synthetic normal", "synthetic cancer"}
    assert group == "slide 0"
    inside = windows[:, 3] > 127
    assert (inside.mean(axis=(1, 2)) > 0.2).all()
    assert not inside[:, [0, -1]].any()  # margin around each


def test_equal_seeds_render_equal_cells(slide):
    np.testing.assert_array_equal(render_cells(0, side_px=300)[0], slide[0])


@pytest.mark.parametrize("seed", range(6))
def test_transmitted_light_shows_cells_on_a_gray_ground(seed):
    y, x = np.mgrid[:80, :80]
    body = np.maximum(0, 1 - np.hypot(y - 40, x - 40) / 25).astype(np.float32)
    picture = transmitted_light(body, 0 * body, 50.0, np.random.default_rng(seed))
    assert picture.shape == body.shape
    assert picture.dtype == np.float32
    assert picture.min() >= 0
    assert picture.max() <= 1
    assert np.median(picture[:8]) == pytest.approx(0.5, abs=0.12)
    assert picture[20:60, 20:60].std() > 1.3 * picture[:8].std()


def test_an_empty_field_is_gray():
    nothing = np.zeros((40, 40), np.float32)
    picture = transmitted_light(nothing, nothing, 20.0, np.random.default_rng(0))
    assert abs(picture.mean() - 0.5) < 0.02
