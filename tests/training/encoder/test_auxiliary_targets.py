"""Targets follow the pixels of a view and not its rotation."""

import pytest
import torch

from cellapp.training.encoder.auxiliary_targets import N_PROFILE, N_TEXTURES, patch_textures, view_profiles


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


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_planes_that_are_equal_are_fully_correlated_however_they_lie(turns):
    torch.manual_seed(0)
    gray = torch.rand(4, 1, 24, 24).expand(4, 3, 24, 24).clone()
    gray[2:, 1] = torch.rand(2, 24, 24)
    profiles = [view_profiles(v, torch.ones(4, 1, 24, 24)) for v in (gray, gray.rot90(turns, (2, 3)))]
    before, after = (profile[:, 30] for profile in profiles)  # correlation of planes 0 and 1
    torch.testing.assert_close(before, after, rtol=1e-3, atol=1e-3)
    assert before[:2].min() > before[2:].max() + 1


def test_targets_are_standardised_over_the_batch(views):
    textures = patch_textures(views, 4)
    assert textures.mean(dim=(0, 1)).abs().max() < 0.05
    assert textures.abs().max() <= 5
    profiles = view_profiles(views, (views[:, :1] > 0.5).float())
    assert profiles.mean(dim=0).abs().max() < 1e-3


def test_a_larger_cell_has_the_larger_area():
    views, cell = torch.rand(3, 3, 32, 32), torch.zeros(3, 1, 32, 32)
    for row, side in enumerate((6, 12, 20)):
        cell[row, :, 4 : 4 + side, 4 : 4 + side] = 1
    area = view_profiles(views, cell)[:, -8]
    assert (area.diff() > 0).all()


def test_an_elongated_cell_has_the_smaller_ratio_of_axes():
    views, cell = torch.rand(2, 3, 32, 32), torch.zeros(2, 1, 32, 32)
    cell[0, :, 8:24, 8:24], cell[1, :, 14:18, 2:30] = 1, 1
    elongation = view_profiles(views, cell)[:, -4]
    assert elongation[0] > elongation[1]
