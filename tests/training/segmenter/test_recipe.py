"""Schedules of the recipe, and the moving average they lead to."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from cellapp.training.segmenter import train
from cellapp.training.segmenter.recipe import SegmenterRecipe


def test_the_learning_rate_rises_stays_and_falls():
    recipe = SegmenterRecipe(steps=100, warm_up=0.1, cool_down=0.4, learning_rate=0.5)
    rates = [recipe.learning_rate_at(step) for step in range(101)]
    assert rates[0] == pytest.approx(0.005)
    assert rates[10:61] == pytest.approx([0.5] * 51)
    assert sorted(rates[60:], reverse=True) == rates[60:]
    assert rates[100] == 0


def test_the_average_forgets_the_first_steps():
    recipe = SegmenterRecipe(average=0.99)
    decays = [recipe.average_decay_at(step) for step in range(1, 3000)]
    assert decays[0] == pytest.approx(1 / 11)
    assert sorted(decays) == decays
    assert decays[-1] == 0.99


@given(steps=st.integers(1, 500), warm_up=st.floats(0, 1), cool_down=st.floats(0.01, 1))
@settings(max_examples=30, deadline=None)
def test_the_learning_rate_is_never_above_that_of_the_recipe(steps, warm_up, cool_down):
    recipe = SegmenterRecipe(steps=steps, warm_up=warm_up, cool_down=cool_down)
    rates = [recipe.learning_rate_at(step) for step in range(steps + 1)]
    assert all(0 <= rate <= recipe.learning_rate for rate in rates)


def test_the_weights_that_are_written_are_a_moving_average():
    network, averaged = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)), None
    averaged = copy.deepcopy(network)
    state = train._TrainingState(network, averaged, None, None, step=3)
    with torch.no_grad():
        network[0].weight.fill_(2.0)
        averaged[0].weight.fill_(1.0)
        network[1].running_mean.fill_(4.0)
        network[1].num_batches_tracked.fill_(7)
    train._average(state, 0.75)
    assert averaged[0].weight.flatten().tolist() == pytest.approx([1.25] * 4)
    assert averaged[1].running_mean.tolist() == pytest.approx([1.0, 1.0])
    assert averaged[1].num_batches_tracked == 7
    assert network[0].weight.flatten().tolist() == [2.0] * 4
