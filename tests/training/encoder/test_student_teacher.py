"""Student and teacher."""

import math

import pytest

from cellapp.compute import torchvision_shim

torchvision_shim.install()
torch = pytest.importorskip("torch")

from cellapp.training.encoder.student_teacher import LOSSES, StudentTeacher  # noqa: E402
from tests.training.encoder.toys import TINY, toy_cells  # noqa: E402


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
