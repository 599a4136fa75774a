"""What channels give by place adds up to what they give in all."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.explanation.channel_places import channel_places
from cellapp.explanation.compartments import COMPARTMENTS, compartment_shares
from cellapp.types.cells import Explanations


def explained(rng, n):
    maps = rng.normal(size=(n, 5, 5)).astype(np.float32)
    rest = rng.normal(size=n).astype(np.float32)
    return Explanations(maps, rest, maps.sum((1, 2)) + rest, np.arange(3, 3 + n, dtype=np.int32), "cancer", "hirescam")


@settings(max_examples=20)
@given(seed=st.integers(0, 99), n=st.integers(0, 4), channels=st.integers(1, 4), nucleus=st.booleans())
def test_sums_make_the_effect_but_for_the_class_token_and_shares_make_one(seed, n, channels, nucleus):
    rng = np.random.default_rng(seed)
    whole, without = explained(rng, n), {f"channel {k}": explained(rng, n) for k in range(channels)}
    y, x = np.mgrid[:20, :20] - 9.5
    shares = [compartment_shares(np.hypot(y, x) < 8, np.hypot(y, x) < 4 if nucleus else None, (5, 5))] * n
    table = channel_places(whole, without, shares)
    assert table.index.tolist() == whole.cell_ids.tolist()
    assert table.shape[1] == 2 * channels * len(COMPARTMENTS)
    for name, maps in without.items():
        sums = table[[column for column in table if column.startswith("sum_") and column.endswith(name)]].sum(axis=1)
        effect = (whole.logits - maps.logits) - (whole.rest - maps.rest)
        np.testing.assert_allclose(sums, effect, atol=1e-4)
    np.testing.assert_allclose(table.filter(like="share_").sum(axis=1), 1)
    assert table["share_cell_channel 0"].isna().all() == (nucleus or not n)


def test_what_is_planted_in_one_channel_and_place_is_all_there():
    whole = explained(np.random.default_rng(0), 1)
    planted, inside = np.zeros((1, 5, 5), np.float32), np.ones((20, 20), bool)
    planted[0, 2, 2] = 7  # the square in the middle
    nucleus = np.zeros((20, 20), bool)
    nucleus[6:14, 6:14] = True
    without = {"dna": replace(whole, maps=whole.maps - planted), "actin": whole}
    table = channel_places(whole, without, [compartment_shares(inside, nucleus, (5, 5))])
    assert table["share_nucleus_dna"].tolist() == [1]
    assert table["sum_nucleus_dna"].tolist() == pytest.approx([7])
    assert table[[name for name in table if name.endswith("_actin")]].fillna(0).to_numpy().any() == np.False_


def test_where_no_channel_changes_the_map_there_is_no_share():
    whole = explained(np.random.default_rng(1), 2)
    shares = [compartment_shares(np.ones((20, 20), bool), None, (5, 5))] * 2
    table = channel_places(whole, {"dna": whole}, shares)
    assert table.filter(like="share_").isna().all(axis=None)
    assert (table["sum_cell_dna"] == 0).all()
