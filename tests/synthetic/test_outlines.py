"""Outlines of adherent cells."""

import numpy as np
import pytest
from scipy import ndimage

from cellapp.synthetic.outlines import ROUNDED, Culture, draw_outlines

SHAPE = (160, 200)


def draw(seed=0, **facts):
    return draw_outlines(Culture(**{"radius_px": 12, "density": 0.4} | facts), SHAPE, np.random.default_rng(seed))


def test_equal_seeds_draw_equal_cells_and_others_do_not():
    (first, first_rounded), (again, again_rounded) = draw(rounded=0.3), draw(rounded=0.3)
    assert np.array_equal(first, again)
    assert np.array_equal(first_rounded, again_rounded)
    assert not np.array_equal(first, draw(1, rounded=0.3)[0])


def test_ids_have_no_gaps_and_every_cell_is_one_piece():
    labels, rounded = draw(density=0.7, elongation=3, spikes=3)
    assert np.unique(labels).tolist() == list(range(len(rounded) + 1))
    for cell_id in range(1, len(rounded) + 1):
        assert ndimage.label(labels == cell_id)[1] == 1


@pytest.mark.parametrize("density", [0.1, 0.3, 0.6])
def test_cells_cover_the_share_asked_for(density):
    covered = np.mean([np.mean(draw(seed, density=density)[0] > 0) for seed in range(3)])
    assert covered == pytest.approx(density, abs=0.06)


def test_dense_cells_touch():
    labels, _ = draw(density=0.8)
    seams = [(labels[1:] != labels[:-1]) & (labels[1:] > 0) & (labels[:-1] > 0)]
    assert np.count_nonzero(seams) > 20


def test_cells_that_are_rounded_up_are_small_and_round():
    labels, rounded = draw(density=0.15, rounded=1.0)
    assert rounded.all()
    areas = np.bincount(labels.ravel())[1:]
    assert np.median(areas) == pytest.approx(np.pi * (ROUNDED * 12) ** 2, rel=0.15)
