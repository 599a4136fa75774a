"""What is measured of a view moves as the view does."""

import pytest

from cellapp.compute import torchvision_shim

torchvision_shim.install()
torch = pytest.importorskip("torch")

from cellapp.training.encoder.auxiliary_targets import N_PORTRAIT, N_TEXTURES, describe_patches, describe_views  # noqa: E402


@pytest.fixture
def views():
    torch.manual_seed(0)
    return torch.rand(5, 3, 32, 32)


def test_every_patch_and_every_view_is_described(views):
    assert describe_patches(views, 4).shape == (5, 16, N_TEXTURES)
    assert describe_views(views, torch.ones(5, 1, 32, 32)).shape == (5, N_PORTRAIT)


def test_black_views_and_absent_cells_are_described_by_finite_numbers():
    black = torch.zeros(2, 3, 32, 32)
    assert torch.isfinite(describe_patches(black, 4)).all()
    assert torch.isfinite(describe_views(black, torch.zeros(2, 1, 32, 32))).all()


def test_patches_are_row_major():
    views = torch.zeros(1, 3, 32, 32)
    views[:, :, :8, 24:] = 1  # upper right patch of 4 by 4
    described = describe_patches(views, 4)[0]
    assert described[:, :48].sum(dim=1).argmax() == 3


def test_sides_that_four_does_not_divide_are_described(views):
    assert describe_patches(torch.nn.functional.interpolate(views, 28), 2).shape == (5, 4, N_TEXTURES)


def test_turning_a_view_leaves_its_portrait(views):
    inside = torch.zeros(5, 1, 32, 32)
    inside[:, :, 8:20, 10:26] = 1
    turned = describe_views(views.rot90(1, (2, 3)), inside.rot90(1, (2, 3)))
    torch.testing.assert_close(turned, describe_views(views, inside), rtol=1e-3, atol=1e-3)
