"""Rows of the table are accounts: what the places give and the rest make the logit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.errors import InputError
from cellapp.explanation.compartments import CELL, EDGE, NUCLEUS, OUTSIDE, compartment_table
from cellapp.types.cells import Explanations


def explained(n, grid=(4, 5), seed=0):
    maps = np.random.default_rng(seed).normal(size=(n, *grid)).astype(np.float32)
    rest = np.arange(n, dtype=np.float32)
    ids = np.arange(7, 7 + n, dtype=np.int32)
    return Explanations(maps, rest, maps.sum(axis=(1, 2)) + rest, ids, "cancer", "attribution")


@settings(max_examples=25, deadline=None)
@given(n=st.integers(0, 4), seed=st.integers(0, 99), dyed=st.booleans())
def test_places_and_rest_add_up_to_the_logit(n, seed, dyed):
    rng = np.random.default_rng(seed)
    found = explained(n, seed=seed)
    inside = list(rng.random((n, 20, 20)) > 0.3)
    table = compartment_table(found, inside, list(rng.random((n, 20, 20))) if dyed else [None] * n)
    assert table.index.tolist() == found.cell_ids.tolist()
    np.testing.assert_allclose(table.filter(like="sum_").sum(axis=1) + table["rest"], table["logit"], atol=1e-4)
    np.testing.assert_allclose(table.filter(like="area_").sum(axis=1), 1)
    assert (table.filter(like="for_").sum(axis=1) <= table["energy"] + 1e-6).all()
    assert (table["target"] == "cancer").all()


def test_a_place_a_cell_does_not_have_is_missing_and_not_zero():
    whole = np.ones((20, 20), bool)
    table = compartment_table(explained(2), [whole, whole], [None, np.eye(20)])
    assert table[f"sum_{NUCLEUS}"].isna().tolist() == [True, False]
    assert table[f"sum_{CELL}"].isna().tolist() == [False, True]
    assert table[f"area_{OUTSIDE}"].tolist() == [0, 0]
    assert table[f"area_{EDGE}"].iloc[0] == pytest.approx(14 / 20)


def test_every_map_needs_its_crop():
    with pytest.raises(InputError, match="2 maps but 1 masks"):
        compartment_table(explained(2), [np.ones((4, 4), bool)], [None])
