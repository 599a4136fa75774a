"""Laws of the losses."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.training.encoder.losses import Projection, distil_patches, distil_views, koleo_loss, teacher_targets


@given(n=st.integers(1, 12), k=st.integers(2, 9), seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_assignments_are_shares(n, k, seed):
    torch.manual_seed(seed)
    shares = teacher_targets(torch.rand(n, k) * 2 - 1, 0.05)
    assert torch.isfinite(shares).all()
    assert (shares >= 0).all()
    torch.testing.assert_close(shares.sum(dim=1), torch.ones(n))


def test_prototypes_are_used_alike_even_if_all_prefer_one():
    torch.manual_seed(0)
    scores = 0.1 * torch.rand(64, 4)
    scores[:, 0] += 0.5
    used = teacher_targets(scores, 0.05).mean(dim=0)
    assert used.max() < 0.35
    assert torch.softmax(scores / 0.05, dim=1).mean(dim=0).max() > 0.9


def test_no_tokens_have_no_assignments():
    assert teacher_targets(torch.zeros(0, 4), 0.05).shape == (0, 4)


def test_agreement_costs_less_than_disagreement():
    goals = torch.eye(4)[[0, 1, 0, 1]]  # two crops, two views each
    agreeing, crossed = torch.eye(4)[[0, 1, 0, 1, 0, 1]], torch.eye(4)[[1, 0, 1, 0, 1, 0]]
    assert distil_views(agreeing, goals, 2, 0.1) < 0.01 < distil_views(crossed, goals, 2, 0.1)


def test_a_view_is_not_compared_with_itself():
    """With one crop, what the student says of a view matters only for the teacher's other view."""
    goals = torch.eye(2)
    student = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    assert distil_views(student, goals, 1, 0.1) < 0.01


def test_no_masked_patch_costs_nothing():
    student = torch.zeros(0, 4, requires_grad=True)
    loss = distil_patches(student, torch.zeros(0, 4), 0.1)
    loss.backward()
    assert loss == 0


def test_crowded_tokens_cost_more_than_spread_ones():
    spread = torch.eye(6)
    crowded = torch.ones(6, 6) + 0.01 * torch.eye(6)
    assert koleo_loss(spread) < koleo_loss(crowded)
    torch.testing.assert_close(koleo_loss(spread), koleo_loss(5 * spread))


def test_scores_are_cosines():
    torch.manual_seed(0)
    scores = Projection(8, 5)(100 * torch.randn(20, 8))
    assert scores.shape == (20, 5)
    assert scores.abs().max() <= 1 + 1e-5
