"""Before the first epoch a few batches say how long one takes, and change nothing of the training."""

import pytest
import torch

from cellapp.training.classifier.epoch_time import epoch_sentence, time_epoch
from tests.training.classifier.tuning import learner_of, toy_cells, toy_fit

CELLS = toy_cells()  # 24, of which 18 are learnt from in batches of 8, and 6 are for validation


def test_the_range_is_that_of_the_batches_without_the_first_and_with_scoring(tmp_path):
    now, durations = [0.0], iter([50.0, 1.0, 3.0, 2.0, 1.5])
    learner = learner_of(tmp_path / "encoder", CELLS)
    learn, score = learner.step, learner.scores
    learner.step = lambda *given, **more: (now.__setitem__(0, now[0] + next(durations)), learn(*given, **more))[1]
    low, high = time_epoch(toy_fit(CELLS, validation=False), learner, lambda: now[0])
    assert (low, high) == (pytest.approx(24 / 8 * 1.0), pytest.approx(24 / 8 * 3.0))
    durations = iter([1.0] * 5)
    learner.scores = lambda planes: (now.__setitem__(0, now[0] + 0.6 * (len(planes) == 6)), score(planes))[1]
    assert time_epoch(toy_fit(CELLS), learner, lambda: now[0]) == (pytest.approx(18 / 8 + 0.6),) * 2


def test_slow_batches_are_not_waited_for_and_random_numbers_go_on(tmp_path):
    learner, now = learner_of(tmp_path / "encoder", CELLS), [0.0]
    learn = learner.step
    learner.step = lambda *given, **more: (now.__setitem__(0, now[0] + 100), learn(*given, **more))[1]
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    assert time_epoch(toy_fit(CELLS, validation=False), learner, lambda: now[0]) == (300.0, 300.0)
    assert now == [100.0]
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize(
    ("epoch_s", "words"),
    [
        ((40.0, 62.0), "An epoch takes 40 s to 62 s here, all 72 epochs 48 min to 74 min at most"),
        ((1.0, 1.2), "An epoch takes about 1 s here, all 72 epochs 72 s to 86 s at most"),
        ((7000.0, 7100.0), "An epoch takes 1.9 h to 2 h here, all 72 epochs 140 h to 142 h at most"),
    ],
)
def test_it_is_said_in_words(epoch_s, words):
    assert epoch_sentence(epoch_s, 12, 6) == words
