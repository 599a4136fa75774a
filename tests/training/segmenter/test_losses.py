"""What training is punished for."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis.extra import numpy as arrays
from sklearn.metrics import f1_score

from cellapp.training.segmenter.losses import FLOW_GAIN, dice_loss, flow_loss, foreground_loss

SURE = 40.0  # a logit whose probability is 0 or 1
MASKS = arrays.arrays(bool, (4, 5))


def test_the_right_answer_costs_least():
    targets = torch.zeros((1, 5, 8, 8))
    targets[0, 4] = 1.0
    targets[0, 0, 2:6, 2:6] = 1.0
    targets[0, 2, 2:6, 2:6] = 1.0
    right = targets[:, :4].clone()
    right[:, :2] *= FLOW_GAIN
    right[:, 2] = torch.where(targets[:, 2] > 0, 20.0, -20.0)
    assert float(flow_loss(right, targets)) < 1e-4
    for channel in range(4):
        wrong = right.clone()
        wrong[:, channel] = -wrong[:, channel] if channel == 2 else wrong[:, channel] + 1
        assert float(flow_loss(wrong, targets)) > 0.1


def test_the_size_counts_only_where_there_are_cells():
    empty = torch.zeros((1, 5, 8, 8))
    empty[0, 4] = 1.0
    answer = torch.stack([torch.zeros(8, 8), torch.zeros(8, 8), torch.full((8, 8), -20.0), torch.full((8, 8), 3.0)])
    assert float(flow_loss(answer[None], empty)) == pytest.approx(0, abs=1e-6)


def test_errors_count_by_the_weight_of_their_pixels():
    """Twice the weight on the wrong half costs more, and none at all costs nothing."""
    targets, maps = torch.zeros((1, 5, 8, 8)), torch.zeros((1, 4, 8, 8))
    maps[:, 2, :, :4], maps[:, 2, :, 4:] = 20.0, -20.0
    losses = []
    for weight in (0.0, 1.0, 2.0):
        targets[:, 4], targets[:, 4, :, :4] = 1.0, weight
        losses.append(float(flow_loss(maps, targets)))
    assert losses[0] == pytest.approx(0, abs=1e-6)
    assert losses[0] < losses[1] < losses[2]


@settings(max_examples=40, deadline=None)
@given(found=MASKS, true=MASKS, valid=MASKS)
def test_the_dice_loss_of_sure_answers_is_that_of_scikit_learn(found, true, valid):
    """Without the pixel that keeps it defined, one minus the F1 score of the pixels that count."""
    logits = torch.from_numpy(np.where(found, SURE, -SURE))[None]
    loss = float(dice_loss(logits, torch.from_numpy(true)[None].double(), torch.from_numpy(valid)[None]))
    n_px = int((found & valid).sum() + (true & valid).sum())
    expected = f1_score(true[valid], found[valid], zero_division=1.0) if valid.any() else 1.0
    assert (1 - loss) * (n_px + 1) == pytest.approx(expected * n_px + 1, abs=1e-6)


def test_flows_do_not_count_for_the_foreground():
    targets, maps = torch.zeros((2, 5, 8, 8)), torch.randn((2, 4, 8, 8), generator=torch.Generator().manual_seed(0))
    targets[:, 4], targets[:, 2, 2:6, 2:6] = 1.0, 1.0
    other = maps.clone()
    other[:, :2] += 9
    assert float(foreground_loss(maps, targets, 0.5)) == float(foreground_loss(other, targets, 0.5))
    right = torch.where(targets[:, 2] > 0, SURE, -SURE)
    maps[:, 2], maps[:, 3] = right, 0
    assert float(foreground_loss(maps, targets, 0.5)) == pytest.approx(0, abs=1e-6)
    maps[:, 2] = -right
    assert float(foreground_loss(maps, targets, 0.5)) > float(foreground_loss(maps, targets, 0.0)) > 1
