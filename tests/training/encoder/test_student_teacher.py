"""Student and teacher."""

import copy
import math

import pytest
import torch

from cellapp.training.encoder.student_teacher import LOSSES, StudentTeacher, masked_cells, standardise
from tests.training.encoder.toys import TINY, toy_cells


@pytest.fixture
def learner():
    return StudentTeacher(TINY)


def weights(branch):
    return torch.cat([p.detach().flatten() for p in branch.parameters()])


def test_the_teacher_begins_as_the_student_and_learns_by_following_alone(learner):
    torch.testing.assert_close(weights(learner.teacher), weights(learner.student), rtol=0, atol=0)
    assert not any(p.requires_grad for p in learner.teacher.parameters())
    assert all(p.requires_grad for p in learner.student.parameters())


def test_the_teacher_is_the_moving_average_of_the_student(learner):
    before = weights(learner.teacher)
    with torch.no_grad():
        for p in learner.student.parameters():
            p.add_(1.0)
    learner.update_teacher(0.75)
    torch.testing.assert_close(weights(learner.teacher), before + 0.25)
    learner.update_teacher(1.0)
    torch.testing.assert_close(weights(learner.teacher), before + 0.25)


def test_every_loss_is_finite_and_reaches_the_student(learner):
    torch.manual_seed(1)
    losses = learner.losses(torch.from_numpy(toy_cells(4).pixels), 24)
    assert set(losses) == set(LOSSES)
    assert all(math.isfinite(loss.item()) for loss in losses.values())
    learner.total(losses).backward()
    assert all(p.grad is None for p in learner.teacher.parameters())
    without = [name for name, p in learner.student.named_parameters() if p.grad is None]
    assert not without


def test_equal_seeds_begin_with_equal_weights():
    torch.testing.assert_close(weights(StudentTeacher(TINY)), weights(StudentTeacher(TINY)), rtol=0, atol=0)
    other = TINY.model_copy(update={"schedule": TINY.schedule.model_copy(update={"seed": 1})})
    assert not torch.equal(weights(StudentTeacher(TINY).student), weights(StudentTeacher(other).student))


@pytest.mark.parametrize("momentum", [0.0, 0.3, 0.996, 1.0])
def test_momentum_is_the_share_of_the_teacher(learner, momentum):
    before = weights(learner.teacher)
    with torch.no_grad():
        for p in learner.student.parameters():
            p.copy_(torch.randn_like(p))
    learner.update_teacher(momentum)
    expected = momentum * before + (1 - momentum) * weights(learner.student)
    torch.testing.assert_close(weights(learner.teacher), expected, rtol=1e-5, atol=1e-6)


def test_everything_but_the_cell_is_black_in_the_input_of_a_head():
    pixels = torch.from_numpy(toy_cells(3).pixels.copy())
    pixels[:, :3] = 200
    cells = masked_cells(pixels, TINY)
    assert cells.shape == (3, 3, 32, 32)
    mask = torch.nn.functional.interpolate(pixels[:, 3:].float() / 255, size=(32, 32), mode="area")
    assert (cells * (mask == 0)).abs().max() == 0
    torch.testing.assert_close(cells[mask.expand_as(cells) == 1].unique(), torch.tensor([200 / 255]))


def test_standardised_planes_have_the_mean_and_spread_of_the_recipe():
    recipe = TINY.model_copy(update={"mean": (0.1, 0.2, 0.3), "std": (0.5, 0.25, 2.0)})
    views = torch.tensor([0.1, 0.2, 0.3]).view(1, 3, 1, 1).expand(2, 3, 4, 4)
    torch.testing.assert_close(standardise(views, recipe), torch.zeros(2, 3, 4, 4))
    torch.testing.assert_close(standardise(views + 1, recipe)[0, :, 0, 0], torch.tensor([2.0, 4.0, 0.5]))


def test_the_total_is_the_weighted_sum(learner):
    losses = {name: torch.tensor(float(at + 1)) for at, name in enumerate(LOSSES)}
    expected = sum(getattr(TINY.objective, name) * float(loss) for name, loss in losses.items())
    assert float(learner.total(losses)) == pytest.approx(expected)


def test_without_local_views_there_are_losses_too():
    views = TINY.views.model_copy(update={"n_local": 0})
    learner = StudentTeacher(TINY.model_copy(update={"views": views}))
    losses = learner.losses(torch.from_numpy(toy_cells(4).pixels), 24)
    assert all(math.isfinite(loss.item()) for loss in losses.values())


def test_a_start_from_an_encoder_keeps_its_weights(learner):
    started = StudentTeacher(TINY, copy.deepcopy(learner.student.network))
    for branch in (started.student, started.teacher):
        torch.testing.assert_close(weights(branch.network), weights(learner.student.network), rtol=0, atol=0)
