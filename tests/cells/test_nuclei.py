"""A nucleus belongs to the cell it lies in."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.cells.nuclei import match_nuclei
from cellapp.errors import InputError


def _images(seed, side):
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 4, (2, -(-side // 5), -(-side // 5)))
    return np.repeat(np.repeat(coarse, 5, axis=1), 5, axis=2)[:, :side, :side]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 999), side=st.integers(3, 40))
def test_nuclei_lie_in_their_cells_and_each_in_one(seed, side):
    nuclei, cells = _images(seed, side)
    matched = match_nuclei(nuclei, cells)
    assert set(np.unique(matched[matched > 0])) <= set(np.unique(cells))
    assert (cells[matched > 0] == matched[matched > 0]).all()
    for k in np.unique(nuclei[nuclei > 0]):
        own = set(np.unique(matched[(nuclei == k) & (matched > 0)]))
        overlap = np.bincount(cells[nuclei == k], minlength=4)
        overlap[0] = 0
        if overlap.max() >= (nuclei == k).sum() / 2:
            assert len(own) == 1
            assert overlap[own.pop()] == overlap.max()
        else:
            assert not own


@pytest.mark.parametrize("rows", [1, 7, 4096])
def test_blocks_of_rows_change_nothing(monkeypatch, rows):
    nuclei, cells = _images(3, 40)
    whole = match_nuclei(nuclei, cells)
    monkeypatch.setattr("cellapp.cells.nuclei._ROWS", rows)
    np.testing.assert_array_equal(match_nuclei(nuclei, cells), whole)


def test_numbers_of_nuclei_mean_nothing():
    nuclei, cells = _images(5, 30)
    other = np.where(nuclei > 0, 70_000 - 9 * nuclei, 0)
    np.testing.assert_array_equal(match_nuclei(other, cells), match_nuclei(nuclei, cells))


def test_sizes_must_agree():
    with pytest.raises(InputError, match=r"\(3, 3\)"):
        match_nuclei(np.zeros((3, 3), int), np.zeros((3, 4), int))
