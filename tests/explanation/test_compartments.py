"""Compartments cover the token grid once; their sums and the rest make the logit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.errors import InputError
from cellapp.explanation.compartments import (
    CELL,
    CYTOPLASM,
    EDGE,
    NUCLEUS,
    OUTSIDE,
    compartment_masks,
    compartment_table,
    strongest_compartment,
    sum_by_compartment,
)
from cellapp.types.cells import Explanations


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
def test_every_token_is_in_one_compartment_and_sums_add_up(side, grid, seed, dyed):
    rng = np.random.default_rng(seed)
    nucleus = rng.random((side, side)) if dyed else None
    masks = compartment_masks(rng.random((side, side)) > 0.4, nucleus, grid)
    assert (sum(where.astype(int) for where in masks.values()) == 1).all()
    signed_map = rng.normal(size=grid)
    assert sum(sum_by_compartment(signed_map, masks).values()) == pytest.approx(signed_map.sum())


def test_a_bright_core_is_the_nucleus():
    cell, core = _disc(64, 28), _disc(64, 12)
    masks = compartment_masks(cell, np.where(core, 900, 100), (8, 8))
    assert masks[NUCLEUS][4, 4]
    assert masks[CYTOPLASM][4, 2]
    assert masks[EDGE][4, 1]
    assert masks[OUTSIDE][0, 0]


@pytest.mark.parametrize("nucleus", [None, np.full((32, 32), 7)])
def test_without_contrast_the_cell_is_one_compartment(nucleus):
    assert set(compartment_masks(_disc(32, 12), nucleus, (4, 4))) == {CELL, EDGE, OUTSIDE}


def test_the_edge_is_the_outermost_ring_of_the_cell_also_where_the_crop_ends():
    masks = compartment_masks(np.ones((32, 32), bool), None, (4, 4))
    assert masks[CELL].sum() == 4
    assert masks[EDGE].sum() == 12
    assert not masks[OUTSIDE].any()


def test_a_crop_without_its_cell_is_all_outside():
    assert compartment_masks(np.zeros((9, 9), bool), np.eye(9), (3, 3))[OUTSIDE].all()


def test_the_strongest_token_decides_whatever_its_sign():
    masks = compartment_masks(_disc(32, 14), None, (8, 8))
    signed_map = np.zeros((8, 8))
    assert strongest_compartment(signed_map, masks) is None
    signed_map[3, 3] = 0.2
    assert strongest_compartment(signed_map, masks) == CELL
    signed_map[0, 0] = -0.9
    assert strongest_compartment(signed_map, masks) == OUTSIDE


def explained(n, grid=(4, 5), seed=0):
    maps = np.random.default_rng(seed).normal(size=(n, *grid)).astype(np.float32)
    rest = np.arange(n, dtype=np.float32)
    ids = np.arange(7, 7 + n, dtype=np.int32)
    return Explanations(maps, rest, maps.sum(axis=(1, 2)) + rest, ids, "cancer", "attribution")


@settings(max_examples=25, deadline=None)
@given(n=st.integers(0, 4), seed=st.integers(0, 99), dyed=st.booleans())
def test_compartments_and_rest_add_up_to_the_logit(n, seed, dyed):
    rng = np.random.default_rng(seed)
    found = explained(n, seed=seed)
    inside = list(rng.random((n, 20, 20)) > 0.3)
    table = compartment_table(found, inside, list(rng.random((n, 20, 20))) if dyed else [None] * n)
    assert table.index.tolist() == found.cell_ids.tolist()
    np.testing.assert_allclose(table.filter(like="sum_").sum(axis=1) + table["rest"], table["logit"], atol=1e-4)
    np.testing.assert_allclose(table.filter(like="area_").sum(axis=1), 1)
    assert (table.filter(like="for_").sum(axis=1) <= table["energy"] + 1e-6).all()
    assert (table["target"] == "cancer").all()


def test_a_compartment_a_cell_does_not_have_is_missing_and_not_zero():
    whole = np.ones((20, 20), bool)
    table = compartment_table(explained(2), [whole, whole], [None, np.eye(20)])
    assert table[f"sum_{NUCLEUS}"].isna().tolist() == [True, False]
    assert table[f"sum_{CELL}"].isna().tolist() == [False, True]
    assert table[f"area_{OUTSIDE}"].tolist() == [0, 0]
    assert table[f"area_{EDGE}"].iloc[0] == pytest.approx(14 / 20)


def test_every_map_needs_its_crop():
    with pytest.raises(InputError, match="2 maps but 1 masks"):
        compartment_table(explained(2), [np.ones((4, 4), bool)], [None])
