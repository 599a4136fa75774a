"""No fast part became slower by half since its figures were kept."""

import pytest

from benchmarks import quick

pytestmark = pytest.mark.slow


def test_no_ratio_is_worse_by_half():
    kept = quick.read_kept()
    assert set(kept) == set(quick.ROWS)
    found = quick.measure(kept)
    assert not quick.worse(found, kept), f"{found}, kept: {kept}; python -m benchmarks.quick measures them again"


def test_half_as_slow_again_is_told_and_a_new_row_is_not():
    kept = {"a": 9.0, "b": 9.0}
    assert quick.worse({"a": 5.9, "b": 6.1, "c": 0.1}, kept) == ["a"]
