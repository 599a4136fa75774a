"""A method that fails a measure is warned of, each measure in its own words."""

import pytest

from cellapp.pipeline.score_explanations import _warnings


def figures(**changes):
    fine = {"gain": {"value": 1.0, "low": 0.5, "high": 1.5}}
    base = {
        "deletion": fine,
        "insertion": fine,
        "road": fine,
        "randomised": {"value": 0.0},
        "stability": {"value": 0.9},
    }
    return base | changes


def test_what_passes_every_measure_is_not_warned_of():
    assert _warnings(figures()) == []


@pytest.mark.parametrize("correlation", [0.9, -0.9])
def test_maps_that_stay_with_shuffled_weights_are_told_whatever_their_sign(correlation):
    (said,) = _warnings(figures(randomised={"value": correlation}))
    assert "shuffled weights" in said


@pytest.mark.parametrize("name", ["deletion", "insertion", "road"])
def test_a_gain_that_may_be_none_is_told(name):
    assert len(_warnings(figures(**{name: {"gain": {"value": 1.0, "low": -0.1, "high": 2.0}}}))) == 1


def test_maps_that_move_with_the_crop_are_told():
    (said,) = _warnings(figures(stability={"value": 0.1}))
    assert "one pixel" in said
