"""Positions of synthetic cells: the same in every region, on the slide, and as dense and paired as asked for."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.synthetic.layout import CONTACT, LARGEST, REACH, place_cells, shared_direction
from cellapp.synthetic.settings import SyntheticSettings
from cellapp.types.image import Region

pytestmark = pytest.mark.slow

SETTINGS = SyntheticSettings(height=600, width=800, seed=5, cell_diameter_um=16)
WHOLE = Region(0, 0, 600, 800)


@given(y=st.integers(0, 500), x=st.integers(0, 700), height=st.integers(1, 100), width=st.integers(1, 100))
@settings(max_examples=20, deadline=None)
def test_a_region_has_the_cells_of_the_whole_that_may_reach_it(y, x, height, width):
    reach = REACH * SETTINGS.diameter_px
    near = [
        cell
        for cell in place_cells(SETTINGS, WHOLE)
        if y - reach <= cell.y <= y + height + reach and x - reach <= cell.x <= x + width + reach
    ]
    assert place_cells(SETTINGS, Region(y, x, height, width)) == near


def test_cells_are_on_the_slide_with_distinct_ids_in_order_of_id_and_radii_in_bounds():
    cells = place_cells(SETTINGS, WHOLE)
    assert all(0 <= cell.y < 600 and 0 <= cell.x < 800 for cell in cells)
    ids = [cell.cell_id for cell in cells]
    assert ids == sorted(set(ids))
    radii = np.array([cell.radius_px for cell in cells]) / (SETTINGS.diameter_px / 2)
    assert radii.min() >= 0.7
    assert radii.max() <= LARGEST


def test_a_larger_slide_of_the_same_seed_has_another_lattice_but_the_same_settings_the_same_cells():
    assert place_cells(SETTINGS, WHOLE) == place_cells(SETTINGS.model_copy(), WHOLE)
    other = SETTINGS.model_copy(update={"seed": 6})
    assert place_cells(SETTINGS, WHOLE) != place_cells(other, WHOLE)


def test_no_density_places_no_cells():
    assert place_cells(SETTINGS.model_copy(update={"density": 0}), WHOLE) == []


def test_more_density_places_more_cells():
    counts = [len(place_cells(SETTINGS.model_copy(update={"density": d}), WHOLE)) for d in (0.1, 0.3, 0.6)]
    assert counts == sorted(set(counts))


@pytest.mark.parametrize(("touching", "share"), [(0.0, 0.0), (1.0, 1.0)])
def test_all_or_no_cells_are_placed_in_pairs(touching, share):
    cells = place_cells(SETTINGS.model_copy(update={"touching": touching}), Region(150, 200, 300, 400))
    sites = np.array([(cell.cell_id - 1) // 2 for cell in cells])
    paired = np.isin(sites, [site for site in set(sites.tolist()) if (sites == site).sum() == 2])
    inner = [100 <= cell.y < 500 and 100 <= cell.x < 700 for cell in cells]  # partners may lie beyond the region
    assert abs(paired[np.array(inner)].mean() - share) < 0.1


def test_the_cells_of_a_pair_overlap_and_are_of_one_class():
    settings = SETTINGS.model_copy(update={"touching": 1.0, "density": 0.15})
    cells = {cell.cell_id: cell for cell in place_cells(settings, WHOLE)}
    pairs = [(cell, cells[i + 1]) for i, cell in cells.items() if i % 2 and i + 1 in cells]
    assert len(pairs) > 10
    distance = np.array([np.hypot(a.y - b.y, a.x - b.x) / (a.radius_px + b.radius_px) for a, b in pairs])
    assert np.median(distance) == pytest.approx(CONTACT, abs=0.1)
    assert all(a.cancer == b.cancer for a, b in pairs)


@given(seed=st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_one_direction_per_slide(seed):
    direction = shared_direction(SyntheticSettings(seed=seed))
    assert 0 <= direction <= np.pi
    assert direction == shared_direction(SyntheticSettings(seed=seed, height=64, density=0.1))


@pytest.mark.parametrize("part", ["nucleus", "cytoskeleton"])
def test_cells_that_differ_by_a_part_lie_where_they_would_in_the_other_class(part):
    whole = Region(0, 0, SETTINGS.height, SETTINGS.width)
    normal, cancer = (
        place_cells(SETTINGS.model_copy(update={"differ_by": part, "cancer_fraction": share}), whole)
        for share in (0.0, 1.0)
    )
    assert [replace(cell, cancer=True) for cell in normal] == cancer
