"""Places cover the token grid once, and sums over them are the map's sum."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.explanation.compartments import (
    CELL,
    CYTOPLASM,
    EDGE,
    NUCLEUS,
    OUTSIDE,
    attribution,
    compartments,
    strongest_compartment,
)


def _disc(side, radius):
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    return np.hypot(y, x) <= radius


@settings(max_examples=40, deadline=None)
@given(
    side=st.integers(4, 40),
    grid=st.tuples(st.integers(1, 8), st.integers(1, 8)),
    seed=st.integers(0, 99),
    dyed=st.booleans(),
)
def test_every_token_is_in_one_place_and_sums_add_up(side, grid, seed, dyed):
    rng = np.random.default_rng(seed)
    nucleus = rng.random((side, side)) if dyed else None
    places = compartments(rng.random((side, side)) > 0.4, nucleus, grid)
    assert (sum(where.astype(int) for where in places.values()) == 1).all()
    heat = rng.normal(size=grid)
    assert sum(attribution(heat, places).values()) == pytest.approx(heat.sum())


def test_a_bright_core_is_the_nucleus():
    cell, core = _disc(64, 28), _disc(64, 12)
    places = compartments(cell, np.where(core, 900, 100), (8, 8))
    assert places[NUCLEUS][4, 4]
    assert places[CYTOPLASM][4, 2]
    assert places[EDGE][4, 1]
    assert places[OUTSIDE][0, 0]


@pytest.mark.parametrize("nucleus", [None, np.full((32, 32), 7)])
def test_without_contrast_the_cell_is_one_place(nucleus):
    assert set(compartments(_disc(32, 12), nucleus, (4, 4))) == {CELL, EDGE, OUTSIDE}


def test_the_edge_is_the_outermost_ring_of_the_cell_also_where_the_crop_ends():
    places = compartments(np.ones((32, 32), bool), None, (4, 4))
    assert places[CELL].sum() == 4
    assert places[EDGE].sum() == 12
    assert not places[OUTSIDE].any()


def test_a_crop_without_its_cell_is_all_outside():
    assert compartments(np.zeros((9, 9), bool), np.eye(9), (3, 3))[OUTSIDE].all()


def test_the_loudest_token_decides_whatever_its_sign():
    places = compartments(_disc(32, 14), None, (8, 8))
    heat = np.zeros((8, 8))
    assert strongest_compartment(heat, places) is None
    heat[3, 3] = 0.2
    assert strongest_compartment(heat, places) == CELL
    heat[0, 0] = -0.9
    assert strongest_compartment(heat, places) == OUTSIDE
