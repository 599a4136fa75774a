"""Only the last blocks and the linear layer learn, each at its rate, and classes weigh as they were told to."""

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from cellapp.training.classifier.recipe import Augmentation
from tests.training.classifier.tuning import learner_of, toy_cells

STILL = Augmentation(
    flips=False, rotation_deg=0, affine_deg=0, translate=0, shear_deg=0, scale=0, brightness=0, channels=0
)
CELLS = toy_cells()


def weights_of(learner):
    return {name: tensor.clone() for name, tensor in learner.encoder.network.state_dict().items()}


@pytest.mark.parametrize(("blocks", "moving"), [(0, ()), (1, ("layer.1.", "layernorm")), (9, ("layer.", "layernorm"))])
def test_frozen_weights_are_unchanged_and_the_others_are_not(tmp_path, blocks, moving):
    learner = learner_of(tmp_path, CELLS, blocks=blocks)
    before, head = weights_of(learner), learner.learning["head"].weight.detach().clone()
    for step in range(2):
        learner.step(*CELLS.batch(np.arange(8)), step, per_epoch=2)
    for name, tensor in learner.encoder.network.state_dict().items():
        learns = name.startswith(tuple(f"encoder.{m}" for m in moving) + moving)
        assert learns != torch.equal(tensor, before[name]), name
    assert not torch.equal(head, learner.learning["head"].weight)


def test_encoder_and_head_learn_at_their_own_rates_on_one_schedule(tmp_path):
    learner = learner_of(tmp_path, CELLS, encoder_rate=1e-4, head_rate=1e-2, epochs=4, warm_up=1, floor=0.1)
    rates = []
    for step in range(12):
        learner.step(*CELLS.batch(np.arange(8)), step, per_epoch=3)
        rates.append(learner.rates)
    np.testing.assert_allclose([low / high for low, high in rates], 1e-2)
    assert rates[2] == pytest.approx((1e-4, 1e-2))
    assert rates[-1] == pytest.approx((1e-5, 1e-3))


def test_earlier_blocks_learn_more_slowly_by_the_share_that_was_asked_for(tmp_path):
    learner = learner_of(tmp_path, CELLS, blocks=2, encoder_rate=1e-3, head_rate=1e-4, layer_decay=0.5, warm_up=0)
    rate_of = {id(p): group["lr"] for group in learner.optimiser.param_groups for p in group["params"]}
    first, last, norm = (learner.encoder.tail(2)[k].parameters() for k in range(3))
    expected = [(first, 5e-4), (last, 1e-3), (norm, 1e-3), (learner.learning["head"].parameters(), 1e-4)]
    for parameters, rate in expected:
        assert {rate_of[id(p)] for p in parameters} == {rate}


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_weighs_classes_and_smooths_labels(tmp_path, smoothing):
    options = {"label_smoothing": smoothing, "augmentation": STILL}
    learner = learner_of(tmp_path, CELLS, weights=(0.5, 3.0), **options)
    planes, codes = CELLS.batch(np.arange(8))
    expected = cross_entropy(learner.scores(planes), codes, torch.tensor([0.5, 3.0]), label_smoothing=smoothing)
    assert learner.step(planes, codes, 0, per_epoch=1) == pytest.approx(expected.item(), rel=1e-5)


def test_it_begins_with_the_calls_of_the_head_it_was_given(tmp_path):
    learner = learner_of(tmp_path, CELLS)
    with torch.inference_mode():
        scores = learner.scores(CELLS.batch(np.arange(len(CELLS.codes)))[0])
    assert (scores.argmax(dim=1).numpy() == CELLS.codes).mean() > 0.9
