"""Which epoch of a scripted trace is kept, and when training stops."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.training.classifier.early_stopping import Score, judge

#             epoch   0           1           2           3           4           5           6
TRACE = [Score(*p) for p in ((0.9, 0.5), (0.7, 0.6), (0.8, 0.7), (0.6, 0.7), (0.5, 0.6), (0.6, 0.8), (0.7, 0.7))]


@pytest.mark.parametrize(("by", "best"), [("loss", 4), ("f1", 5), ("both", 3), ("either", 5), ("never", 6)])
def test_the_epoch_that_is_kept(by, best):
    assert judge(TRACE, by, 99).best == best


@pytest.mark.parametrize(("by", "epochs"), [("loss", 7), ("f1", 8), ("both", 6), ("either", 8)])
def test_training_stops_as_many_epochs_after_the_best_as_it_may_wait(by, epochs):
    trace = [*TRACE, *[Score(9.0, 0.0)] * 5]
    stops = [n for n in range(1, len(trace) + 1) if judge(trace[:n], by, 2).stop]
    assert stops[0] == epochs


def test_the_same_f1_at_a_lower_loss_is_better():
    assert judge([Score(0.5, 0.7), Score(0.4, 0.7), Score(0.6, 0.7)], "f1", 5).best == 1


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1), st.integers(1, 4))
def test_what_is_kept_is_the_best_of_its_kind(numbers, patience):
    trace = [Score(float(loss), float(f1)) for loss, f1 in numbers]
    losses, f1s = [score.loss for score in trace], [score.f1 for score in trace]
    assert judge(trace, "loss", patience).best == losses.index(min(losses))
    assert trace[judge(trace, "f1", patience).best].f1 == max(f1s)
    assert judge(trace, "loss", patience).stop == (len(trace) - 1 - losses.index(min(losses)) >= patience)
