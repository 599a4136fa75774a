"""The estimate of the cell diameter."""

import numpy as np
import pytest

from cellapp.segmentation.diameter import FALLBACK_PX, CellSize, estimate_size, resolve_size
from cellapp.settings import SegmentSettings
from cellapp.synthetic.field import render_field
from cellapp.synthetic.settings import SyntheticSettings
from cellapp.types.image import Role
from tests.segmentation.phantoms import discs, glowing, grid_of_discs

pytestmark = pytest.mark.slow

ROLES = (Role.OTHER,)


@pytest.mark.parametrize("radius_px", [6, 12, 25, 60])
def test_discs_within_a_fifth(radius_px):
    assert estimate_size(glowing(grid_of_discs(radius_px)), ROLES).diameter_px == pytest.approx(2 * radius_px, rel=0.2)


def test_touching_discs_within_a_fifth():
    places = [(40 + 38 * i, 40 + 38 * j) for i in range(5) for j in range(5)]
    assert estimate_size(glowing(discs((240, 240), places, 20)), ROLES).diameter_px == pytest.approx(40, rel=0.2)


def test_specks_do_not_count():
    labels = grid_of_discs(20)
    labels[::26, ::26] = 99
    assert estimate_size(glowing(labels), ROLES).diameter_px == pytest.approx(40, rel=0.2)


def test_a_large_image_is_measured_small():
    big = np.tile(glowing(grid_of_discs(40), noise=0), (1, 3, 3))
    assert max(big.shape) > 1024
    assert estimate_size(big, ROLES).diameter_px == pytest.approx(80, rel=0.2)


def test_synthetic_cells_within_a_fifth():
    pixels, _, _ = render_field(SyntheticSettings(height=512, width=512, seed=2))
    scaled = (pixels / pixels.max(axis=(1, 2), keepdims=True)).astype(np.float32)
    assert estimate_size(scaled, (Role.OTHER, Role.CYTOPLASM, Role.NUCLEUS)).diameter_px == pytest.approx(56, rel=0.2)


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (60, 60)])
def test_nothing_gives_the_fallback(shape):
    assert estimate_size(np.zeros((1, *shape), np.float32), ROLES) == CellSize(FALLBACK_PX)


def test_settings_beat_the_estimate():
    assert resolve_size(SegmentSettings(diameter=17), None, np.zeros((1, 4, 4)), ROLES).diameter_px == 17
