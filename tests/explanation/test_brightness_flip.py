"""The smallest change of brightness that flips a call is found by asking the model, within bounds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.explanation.brightness_flip import ALL, LARGEST, flip_sentence, search_flips


def calls(threshold, channel=0, *, above="normal"):
    """A model that calls a cell otherwise as soon as one channel is at least, or at most, so many times as bright."""

    def calls_of(factors):
        value = factors[:, channel]
        flipped = value >= threshold if threshold > 1 else value <= threshold
        return [above if one else "cancer" for one in flipped], np.where(flipped, 0.3, 0.8)

    return calls_of


@settings(max_examples=25, deadline=None)
@given(octaves=st.floats(0.1, 2.9), sign=st.sampled_from([-1, 1]), channel=st.integers(0, 2))
def test_the_change_is_found_in_its_channel_to_a_few_parts_in_a_hundred(octaves, sign, channel):
    threshold = 2.0 ** (sign * octaves)
    found = search_flips(calls(threshold, channel), ("a", "b", "c"))
    assert (found.label, found.p) == ("cancer", 0.8)
    assert {flip.channel for flip in found.flips} == {"abc"[channel], ALL}
    first = found.flips[0]
    assert abs(np.log2(first.factor) - sign * octaves) <= 0.5 / 2**5 + 1e-9
    assert calls(threshold, 0)(np.array([[first.factor]]))[0] == ["normal"]
    assert (first.label, first.p) == ("normal", 0.3)
    assert "the smallest change" in flip_sentence(found, "cancer").lower()


@pytest.mark.parametrize("threshold", [LARGEST * 1.01, 1 / LARGEST / 1.01])
def test_nothing_beyond_the_bounds_is_claimed(threshold):
    found = search_flips(calls(threshold), ("a", "b"))
    assert found.flips == ()
    assert "No change of brightness between 1/8 and 8 times" in flip_sentence(found, "cancer")


def test_the_smallest_change_comes_first_and_one_channel_is_not_asked_for_twice():
    def calls_of(factors):
        flipped = (factors[:, 0] >= 4) | (factors[:, 1] <= 0.7)
        return ["normal" if one else "cancer" for one in flipped], np.where(flipped, 0.1, 0.9)

    found = search_flips(calls_of, ("a", "b"))
    assert found.flips[0].channel in ("b", ALL)
    sizes = [abs(np.log2(flip.factor)) for flip in found.flips]
    assert sizes == sorted(sizes)
    assert {flip.channel for flip in search_flips(calls(2), ("only",)).flips} == {"only"}
