"""Targets follow the pixels of a view and not its rotation."""

import pytest

from cellapp.compute import torchvision_shim

torchvision_shim.install()
torch = pytest.importorskip("torch")

from cellapp.training.encoder.auxiliary_targets import N_PROFILE, N_TEXTURES, patch_textures, view_profiles  # noqa: E402


@pytest.fixture
def views():
    torch.manual_seed(0)
    return torch.rand(5, 3, 32, 32)


def test_every_patch_and_every_view_is_described(views):
    assert patch_textures(views, 4).shape == (5, 16, N_TEXTURES)
    assert view_profiles(views, torch.ones(5, 1, 32, 32)).shape == (5, N_PROFILE)


def test_black_views_and_absent_cells_are_described_by_finite_numbers():
    black = torch.zeros(2, 3, 32, 32)
    assert torch.isfinite(patch_textures(black, 4)).all()
    assert torch.isfinite(view_profiles(black, torch.zeros(2, 1, 32, 32))).all()


def test_patches_are_row_major():
    views = torch.zeros(1, 3, 32, 32)
    views[:, :, :8, 24:] = 1  # upper right patch of 4 by 4
    described = patch_textures(views, 4)[0]
    assert described[:, :48].sum(dim=1).argmax() == 3


def test_sides_that_four_does_not_divide_are_described(views):
    assert patch_textures(torch.nn.functional.interpolate(views, 28), 2).shape == (5, 4, N_TEXTURES)


def test_turning_a_view_leaves_its_profile(views):
    inside = torch.zeros(5, 1, 32, 32)
    inside[:, :, 8:20, 10:26] = 1
    turned = view_profiles(views.rot90(1, (2, 3)), inside.rot90(1, (2, 3)))
    torch.testing.assert_close(turned, view_profiles(views, inside), rtol=1e-3, atol=1e-3)
