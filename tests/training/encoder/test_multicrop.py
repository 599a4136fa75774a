"""Views keep what identifies a cell and change what does not."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.training.encoder.multicrop import augment_stains, draw_masks, draw_views, mix_stains
from cellapp.training.encoder.recipe import Views
from tests.training.encoder.toys import toy_cells


def cells(n=6):
    return torch.from_numpy(toy_cells(n).pixels)


@given(n=st.integers(1, 5), n_local=st.integers(0, 3), side=st.sampled_from([24, 32]), seed=st.integers(0, 99))
@settings(max_examples=12, deadline=None)
def test_every_crop_has_two_wide_and_some_narrow_views_from_0_to_1(n, n_local, side, seed):
    torch.manual_seed(seed)
    batch = draw_views(cells(n), Views(n_local=n_local, local_px=16), side)
    assert batch.wide.shape == (2 * n, 3, side, side)
    assert batch.cell.shape == (2 * n, 1, side, side)
    assert batch.narrow.shape == (n_local * n, 3, 16, 16)
    for views in (batch.wide, batch.narrow):
        assert views.numel() == 0 or (views.min() >= 0 and views.max() <= 1)


def test_equal_generators_draw_equal_views():
    drawn = []
    for _ in range(2):
        torch.manual_seed(3)
        drawn.append(draw_views(cells(), Views(), 32).wide)
    torch.testing.assert_close(*drawn, rtol=0, atol=0)


def test_masked_views_are_black_outside_the_cell():
    crops = cells()
    crops[:, :3] = 200
    batch = draw_views(crops, Views(masked=1.0), 32)
    assert (batch.wide * (batch.cell < 0.5)).abs().max() == 0
    assert batch.wide.amax(dim=(1, 2, 3)).min() > 0


@given(seed=st.integers(0, 999), lit=st.lists(st.booleans(), min_size=3, max_size=3))
@settings(max_examples=30, deadline=None)
def test_the_last_plane_with_signal_is_never_dropped(seed, lit):
    torch.manual_seed(seed)
    planes = torch.tensor(lit).float()[None, :, None, None].expand(8, 3, 6, 6)
    stained = augment_stains(planes, Views(drop_plane=1.0, permute=0.5))
    assert ((stained.amax(dim=(1, 2, 3)) > 0) == any(lit)).all()


def test_planes_are_permuted_and_nothing_else():
    planes = torch.rand(40, 3, 5, 5)
    mixed = augment_stains(planes, Views(drop_plane=0.0, permute=1.0))
    whole = [m for p, m in zip(planes, mixed, strict=True) if not (m == m[:1]).all()]  # the others are copies of one
    assert whole
    for m in whole:
        assert any(torch.equal(m.sum(0), p.sum(0)) or torch.allclose(m.sum(0), p.sum(0)) for p in planes)


def test_only_crops_of_one_channel_get_planes_of_others():
    colour, gray = torch.rand(3, 3, 6, 6), torch.rand(3, 1, 6, 6).expand(3, 3, 6, 6)
    planes, cell = torch.cat([colour, gray]), torch.ones(6, 1, 6, 6)
    torch.manual_seed(1)
    mixed = mix_stains(planes, cell, 1.0)
    assert torch.equal(mixed[:3], colour)
    assert torch.equal(mixed[3:, 0], gray[:, 0])
    assert {tuple(p.flatten().tolist()) for p in mixed[3:, 1]} == {tuple(p.flatten().tolist()) for p in gray[:, 0]}
    assert torch.equal(mix_stains(planes, cell, 0.0), planes)


def test_every_other_view_has_masked_patches_in_blocks():
    torch.manual_seed(0)
    masked = draw_masks(40, 6, (0.3, 0.5)).view(40, 6, 6)
    assert not masked[1::2].any()
    assert 0.3 < masked[0::2].float().mean() < 0.5
    blocks = masked.view(40, 3, 2, 3, 2)
    assert (blocks.any(dim=4).any(dim=2) == blocks.all(dim=4).all(dim=2)).all()


def test_an_odd_grid_is_covered_too():
    assert draw_masks(4, 5, (1.0, 1.0))[::2].all()


def test_views_of_one_crop_share_their_stains():
    """A crop whose only plane with signal is moved has it in the same plane in every view."""
    crops = cells(12)
    crops[:, 1:3] = 0
    torch.manual_seed(0)
    batch = draw_views(crops, Views(permute=1.0, drop_plane=0.0, borrow=0.0, n_local=2), 32)
    first, second = (batch.wide.amax(dim=(2, 3)) > 0.01).view(2, 12, 3)
    assert torch.equal(first, second)
    assert len(first.unique(dim=0)) > 2


def test_a_smaller_area_is_a_larger_zoom():
    crops = torch.zeros(8, 4, 40, 40, dtype=torch.uint8)
    crops[:, :, 10:30, 10:30] = 255
    torch.manual_seed(0)
    close = draw_views(crops, Views(global_area=(0.2, 0.25), masked=0.0), 32).cell.mean()
    wide = draw_views(crops, Views(global_area=(0.95, 1.0), masked=0.0), 32).cell.mean()
    assert close > 1.5 * wide


def test_without_local_views_there_are_none():
    assert draw_views(cells(3), Views(n_local=0), 32).narrow.shape[0] == 0


def test_dropping_a_plane_leaves_two_of_three():
    planes = torch.rand(60, 3, 5, 5) + 0.1
    torch.manual_seed(2)
    dropped = augment_stains(planes, Views(drop_plane=1.0, permute=0.0))
    n_black = (dropped.amax(dim=(2, 3)) == 0).sum(dim=1)
    assert n_black.max() == 1
    assert (n_black == 1).float().mean() > 0.8  # the others are copies of one plane


def test_only_pixels_of_the_cell_are_mixed_in():
    gray = torch.rand(4, 1, 6, 6).expand(4, 3, 6, 6)
    cell = torch.zeros(4, 1, 6, 6)
    cell[:, :, 2:4, 2:4] = 1
    mixed = mix_stains(gray, cell, 1.0)
    assert torch.equal(mixed[:, 0], gray[:, 0])
    assert mixed[:, 1:, :2].abs().max() == 0


@given(n=st.integers(1, 9), grid=st.integers(1, 9), share=st.floats(0, 1))
@settings(max_examples=25, deadline=None)
def test_masks_have_the_form_of_the_patches(n, grid, share):
    masks = draw_masks(n, grid, (share, share))
    assert masks.shape == (n, grid * grid)
    assert masks.dtype == torch.bool
    assert not masks[1::2].any()
    if share == 0:
        assert not masks.any()
