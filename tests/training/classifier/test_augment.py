"""Training crops are changed, but stay pictures of the same cell."""

import pytest
import torch

from cellapp.training.classifier.augment import augment
from cellapp.training.classifier.recipe import Augmentation

NOTHING = Augmentation(
    flips=False, rotation_deg=0, affine_deg=0, translate=0, shear_deg=0, scale=0, brightness=0, channels=0
)


def planes(n=6, side=32, seed=0):
    torch.manual_seed(seed)
    return torch.rand(n, 3, side, side)


def changed(**values):
    return NOTHING.model_copy(update=values)


def test_without_any_change_crops_stay_as_they_are():
    torch.testing.assert_close(augment(planes(), NOTHING), planes())


def test_mirrored_crops_are_one_of_the_four():
    crops = planes()
    for before, after in zip(crops, augment(crops, changed(flips=True)), strict=True):
        mirrors = [before, before.flip(1), before.flip(2), before.flip(1, 2)]
        assert any(torch.allclose(after, mirror, atol=1e-5) for mirror in mirrors)


def test_a_turned_blob_keeps_its_distance_to_the_centre():
    y, x = torch.meshgrid(*[torch.arange(64.0) - 31.5] * 2, indexing="ij")
    blob = torch.exp(-((y - 15) ** 2 + x**2) / 8).expand(20, 3, 64, 64)
    turned = augment(blob, changed(rotation_deg=40))
    total = turned.sum((2, 3))
    centre = torch.stack([(turned * axis).sum((2, 3)) / total for axis in (y, x)])
    torch.testing.assert_close(centre.norm(dim=0), torch.full((20, 3), 15.0), atol=0.1, rtol=0)
    angles = torch.atan2(centre[1], centre[0]).abs() * 180 / torch.pi
    assert angles.max() <= 40.5
    assert angles.max() > 15


def test_a_shift_is_at_most_the_share_of_the_side_that_was_asked_for():
    y, x = torch.meshgrid(*[torch.arange(64.0) - 31.5] * 2, indexing="ij")
    blob = torch.exp(-(y**2 + x**2) / 8).expand(50, 3, 64, 64)
    moved = augment(blob, changed(translate=0.1))
    shift = (moved * y).sum((2, 3)).abs() / moved.sum((2, 3))
    assert 4 < shift.max() <= 6.4 + 0.1


@pytest.mark.parametrize(("name", "equal"), [("brightness", True), ("channels", False)])
def test_brightness_changes_planes_together_and_channels_by_themselves(name, equal):
    crops = 0.5 * planes()
    ratio = (augment(crops, changed(**{name: 0.2})) / crops).mean((2, 3))
    assert 0.8 <= ratio.min() < ratio.max() <= 1.2
    assert torch.allclose(ratio, ratio[:, :1].expand_as(ratio), atol=1e-4) is equal


def test_crops_of_one_channel_keep_three_equal_planes_within_0_and_1():
    gray = planes()[:, :1].repeat(1, 3, 1, 1)
    result = augment(gray, Augmentation(brightness=0.9))
    torch.testing.assert_close(result, result[:, :1].expand_as(result))
    assert result.min() >= 0
    assert result.max() <= 1
