"""A sample takes from every group in turn."""

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.jobs.summarise_explanations import sample_evenly


@settings(max_examples=50, deadline=None)
@given(groups=st.lists(st.sampled_from("abc"), max_size=40), n=st.integers(0, 50), seed=st.integers(0, 5))
def test_groups_are_taken_in_turn_until_they_are_empty(groups, n, seed):
    rows = pd.Series(groups, index=range(100, 100 + len(groups)), dtype=object)
    chosen = sample_evenly(rows, n, seed)
    assert len(chosen) == min(n, len(rows))
    assert chosen.tolist() == sorted(set(chosen))
    taken, there = rows[chosen].value_counts(), rows.value_counts()
    left = [name for name in there.index if taken.get(name, 0) < there[name]]
    assert all(taken.get(name, 0) + 1 >= max(taken, default=0) for name in left)


def test_the_same_seed_draws_the_same_cells():
    rows = pd.Series(["cancer"] * 500 + ["normal"] * 20)
    assert sample_evenly(rows, 40).tolist() == sample_evenly(rows, 40).tolist()
    assert (rows[sample_evenly(rows, 40)] == "normal").sum() == 20
