"""Optical thickness from outlines."""

import numpy as np

from cellapp.synthetic.outlines import Culture, draw_outlines
from cellapp.synthetic.thickness import Relief, draw_thickness
from tests.segmentation.phantoms import discs

SMOOTH = Relief(nucleus=0.0, grains=0.0)


def thick(labels, rounded=None, relief=SMOOTH, seed=0):
    rounded = np.zeros(labels.max(), bool) if rounded is None else rounded
    return draw_thickness(labels, rounded, relief, np.random.default_rng(seed))


def test_thickness_is_where_the_labels_are():
    rng = np.random.default_rng(3)
    labels, rounded = draw_outlines(Culture(radius_px=14, density=0.5, rounded=0.2), (128, 128), rng)
    for relief in (SMOOTH, Relief()):
        thickness = thick(labels, rounded, relief)
        assert not thickness[labels == 0].any()
        assert np.mean(thickness[labels > 0] > 0) > 0.98


def test_it_rises_from_the_rim_to_a_plateau():
    thickness = thick(discs((80, 80), [(40, 40)], 20))
    along = thickness[40, 21:41]
    assert (np.diff(along) >= -1e-6).all()
    assert along[0] < 0.5 * along[-1]


def test_touching_cells_are_thin_where_they_meet():
    labels = discs((80, 80), [(40, 28), (40, 51)], 12)
    assert (labels[40] > 0).sum() > 45
    seam = np.flatnonzero(np.diff(labels[40]))[1]
    assert thick(labels)[40, seam] < 0.6 * thick(labels)[40, 28]


def test_rounded_cells_are_taller():
    labels = discs((80, 160), [(40, 40), (40, 120)], 15)
    thickness = thick(labels, np.array([False, True]))
    assert thickness[labels == 2].max() > 1.2 * thickness[labels == 1].max()


def test_a_nucleus_adds_or_takes_away():
    labels = discs((80, 80), [(40, 40)], 25)
    plain, more, less = (thick(labels, relief=Relief(nucleus=n, grains=0.0)) for n in (0.0, 0.4, -0.4))
    centre = (slice(34, 47), slice(34, 47))
    assert less[centre].mean() < plain[centre].mean() < more[centre].mean()
