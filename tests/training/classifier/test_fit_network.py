"""Epochs with validation; an interrupted training ends with the same weights, wherever it was interrupted."""

import numpy as np
import pytest
import torch

from cellapp.errors import Cancelled
from cellapp.training.classifier.fit_network import best_epoch, fit_network
from tests.training.classifier.tuning import learner_of, toy_cells, toy_fit

CELLS = toy_cells()


def train(folder, checkpoint, stop_after=None, **options):
    """Train a fresh learner, or raise `Cancelled` after some batches."""
    seen = []

    def on_batch(part):
        seen.append(part)
        if len(seen) == stop_after:
            raise Cancelled("stop")

    learner = learner_of(folder, CELLS, epochs=3)
    return learner, fit_network(toy_fit(CELLS, **options), learner, checkpoint, on_batch, lambda points: None)


@pytest.mark.parametrize("batches", [1, 2, 3, 5])
def test_an_interrupted_training_ends_with_the_same_weights(tmp_path, batches):
    whole, state = train(tmp_path / "encoder", tmp_path / "whole.pt")
    with pytest.raises(Cancelled):
        train(tmp_path / "encoder", tmp_path / "parts.pt", stop_after=batches)
    torch.manual_seed(batches)  # what went on in the process between is of no matter
    parts, again = train(tmp_path / "encoder", tmp_path / "parts.pt")
    for name, tensor in whole.state().items():
        assert torch.equal(tensor, parts.state()[name]), name
    assert [{**p, "seconds": 0} for p in state.points] == [{**p, "seconds": 0} for p in again.points]


def test_a_finished_training_is_not_repeated(tmp_path):
    train(tmp_path / "encoder", tmp_path / "whole.pt")
    train(tmp_path / "encoder", tmp_path / "whole.pt", stop_after=1)


def test_the_weights_of_the_best_epoch_are_kept(tmp_path):
    learner, state = train(tmp_path / "encoder", tmp_path / "fit.pt")
    best = best_epoch(toy_fit(CELLS), learner, state.points)
    losses = [point["validation_loss"] for point in state.points]
    assert len(losses) == 4
    assert best in range(4)
    with torch.inference_mode():
        scores = learner.scores(CELLS.batch(np.arange(0, len(CELLS.codes), 4))[0])
    codes = torch.from_numpy(CELLS.codes[::4])
    assert float(torch.nn.functional.cross_entropy(scores, codes)) == pytest.approx(losses[best], rel=1e-4)


def test_without_validation_cells_all_epochs_are_trained_and_the_last_is_kept(tmp_path):
    learner, state = train(tmp_path / "encoder", tmp_path / "fit.pt", validation=False)
    assert best_epoch(toy_fit(CELLS, validation=False), learner, state.points) == 3
    assert all(point["validation_loss"] is None for point in state.points)
    assert [point["training_loss"] is None for point in state.points] == [True, False, False, False]
