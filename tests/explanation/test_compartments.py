"""Compartments cover a crop once; their sums and the rest make the logit."""

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
    RIM,
    compartment_masks,
    compartment_shares,
    compartment_table,
    strongest_compartment,
    sum_by_compartment,
)
from cellapp.types.cells import Explanations


def _disc(side, radius):
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    return np.hypot(y, x) <= radius


def in_each(mask, masks):
    """Name the compartment of each pixel of a mask."""
    return {name for name, where in masks.items() if (where & mask).any()}


@settings(max_examples=40, deadline=None)
@given(
    side=st.integers(4, 40),
    grid=st.tuples(st.integers(1, 8), st.integers(1, 8)),
    seed=st.integers(0, 99),
    dyed=st.booleans(),
)
def test_every_pixel_is_in_one_compartment_and_sums_add_up(side, grid, seed, dyed):
    rng = np.random.default_rng(seed)
    inside, nucleus = rng.random((side, side)) > 0.4, rng.random((side, side)) > 0.7 if dyed else None
    assert (sum(where.astype(int) for where in compartment_masks(inside, nucleus).values()) == 1).all()
    shares, signed_map = compartment_shares(inside, nucleus, grid), rng.normal(size=grid)
    np.testing.assert_allclose(sum(shares.values()), 1)
    assert sum(sum_by_compartment(signed_map, shares).values()) == pytest.approx(signed_map.sum())


@pytest.mark.parametrize(("cell", "core"), [(56, 24), (40, 16), (60, 40)])
def test_compartments_lie_around_each_other(cell, core):
    masks = compartment_masks(_disc(128, cell), _disc(128, core))
    middle, out = np.zeros((128, 128), bool), np.zeros((128, 128), bool)
    middle[64, 64], out[0, 0] = True, True
    assert in_each(middle, masks) == {NUCLEUS}
    assert in_each(out, masks) == {OUTSIDE}
    outline = _disc(128, core) & ~_disc(128, core - 1)
    assert in_each(outline, masks) == {RIM}
    assert in_each(_disc(128, core + 1) & ~_disc(128, core), masks) == {RIM}, "the rim has two sides"
    assert in_each(_disc(128, cell) & ~_disc(128, cell - 1), masks) == {EDGE}
    between = _disc(128, (cell + core) / 2 + 1) & ~_disc(128, (cell + core) / 2 - 1)
    assert CYTOPLASM in in_each(between, masks)


def test_a_nucleus_at_the_edge_of_the_cell_is_nucleus_and_rim_before_it_is_edge():
    cell = _disc(64, 28)
    nucleus = np.roll(_disc(64, 10), 18, axis=1)
    masks = compartment_masks(cell, nucleus)
    assert not masks[EDGE][nucleus & cell].any()
    assert sum(masks[name][nucleus & cell].sum() for name in (NUCLEUS, RIM)) == (nucleus & cell).sum()


@pytest.mark.parametrize("nucleus", [None, np.zeros((32, 32), bool), ~_disc(32, 12)])
def test_without_a_nucleus_in_it_the_cell_is_one_compartment(nucleus):
    assert set(compartment_masks(_disc(32, 12), nucleus)) == {CELL, EDGE, OUTSIDE}


def test_the_edge_is_the_outermost_ring_of_the_cell_also_where_the_crop_ends():
    masks = compartment_masks(np.ones((8, 8), bool))
    assert masks[CELL].sum() == 36
    assert masks[EDGE].sum() == 28
    assert not masks[OUTSIDE].any()


def test_a_crop_without_its_cell_is_all_outside():
    assert compartment_masks(np.zeros((9, 9), bool), np.eye(9, dtype=bool))[OUTSIDE].all()


def test_the_strongest_token_decides_whatever_its_sign():
    shares = compartment_shares(_disc(32, 14), None, (8, 8))
    signed_map = np.zeros((8, 8))
    assert strongest_compartment(signed_map, shares) is None
    signed_map[3, 3] = 0.2
    assert strongest_compartment(signed_map, shares) == CELL
    signed_map[0, 0] = -0.9
    assert strongest_compartment(signed_map, shares) == OUTSIDE


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
    table = compartment_table(found, inside, list(rng.random((n, 20, 20)) > 0.6) if dyed else [None] * n)
    assert table.index.tolist() == found.cell_ids.tolist()
    np.testing.assert_allclose(table.filter(like="sum_").sum(axis=1) + table["rest"], table["logit"], atol=1e-4)
    np.testing.assert_allclose(table.filter(like="area_").sum(axis=1), 1)
    np.testing.assert_allclose(table.filter(like="share_").sum(axis=1), 1)
    assert (table.filter(like="for_").sum(axis=1) <= table["energy"] + 1e-6).all()
    assert (table["target"] == "cancer").all()


def test_a_compartment_a_cell_does_not_have_is_missing_and_not_zero():
    whole = np.ones((20, 20), bool)
    table = compartment_table(explained(2), [whole, whole], [None, _disc(20, 4)])
    assert table[f"sum_{NUCLEUS}"].isna().tolist() == [True, False]
    assert table[f"sum_{CELL}"].isna().tolist() == [False, True]
    assert table[f"area_{OUTSIDE}"].tolist() == [0, 0]
    assert table[f"area_{EDGE}"].iloc[0] == pytest.approx(1 - 18**2 / 20**2)


def test_every_map_needs_its_crop():
    with pytest.raises(InputError, match="2 maps but 1 masks"):
        compartment_table(explained(2), [np.ones((4, 4), bool)], [None])
