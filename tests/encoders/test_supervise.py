"""Training a vision transformer from nothing."""

import numpy as np
import pytest
import torch

from cellapp.encoders.supervise import Schedule, augment, textures, train_encoder
from tests.encoders.tiny import FAMILIES

CONFIG = FAMILIES["dinov2_with_registers"] | {"model_type": "dinov2_with_registers"}


def stripes(n, seed=0):
    """Crops of class 0 are flat, those of class 1 striped."""
    rng = np.random.default_rng(seed)
    codes = np.arange(n) % 2
    wave = 0.5 + 0.4 * np.sin(np.arange(32) * np.pi / 4)
    pixels = np.where(codes[:, None, None, None] == 1, wave, 0.5) * np.ones((n, 3, 32, 32))
    return (pixels + 0.02 * rng.normal(size=pixels.shape)).clip(0, 1).astype(np.float32), codes


def vectors(network, pixels):
    with torch.no_grad():
        tokens = network((torch.from_numpy(pixels) - 0.5) / 0.5).last_hidden_state
    return torch.cat([tokens[:, 0], tokens[:, 4:].mean(dim=1)], dim=1).numpy()


def test_classes_become_linearly_separable():
    from sklearn.linear_model import LogisticRegression

    network = train_encoder(*stripes(64), CONFIG, Schedule(epochs=4, batch=16, learning_rate=3e-3))
    assert not network.training
    (seen, codes), (new, new_codes) = stripes(64), stripes(64, seed=1)
    model = LogisticRegression(max_iter=1000).fit(vectors(network, seen), codes)
    assert model.score(vectors(network, new), new_codes) > 0.9


def test_the_same_seed_gives_the_same_weights():
    one, two, other = (
        train_encoder(*stripes(16), CONFIG, Schedule(epochs=1, batch=8, seed=seed)).state_dict() for seed in (0, 0, 1)
    )
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)


def test_every_epoch_is_told():
    told = []
    train_encoder(*stripes(8), CONFIG, Schedule(epochs=3), on_step=lambda step, fraction: told.append(fraction))
    assert told == pytest.approx([1 / 3, 2 / 3, 1])


def test_augmented_crops_keep_shape_range_and_black_background():
    torch.manual_seed(0)
    crops = torch.zeros(40, 3, 32, 32)
    crops[:, :, 12:20, 12:20] = 0.7
    changed = augment(crops)
    assert changed.shape == crops.shape
    assert changed.min() >= 0
    assert changed.max() <= 1
    assert (changed[:, :, 0, 0] == 0).all()
    assert not torch.equal(changed[0], changed[1])


def test_some_crops_lose_a_channel_and_some_keep_one_only():
    torch.manual_seed(0)
    crops = torch.rand(400, 3, 16, 16) * 0.5 + 0.2
    planes = augment(crops)
    lost = (planes.amax(dim=(2, 3)) < 0.06).any(dim=1).float().mean()
    alike = ((planes[:, 0] - planes[:, 1]).abs().amax(dim=(1, 2)) < 1e-6).float().mean()
    assert 0.08 < lost < 0.22
    assert 0.01 < alike < 0.12


def test_textures_tell_directions_apart():
    wave = 0.5 + 0.4 * torch.sin(torch.arange(32) * torch.pi / 4)
    upright, lying = wave.expand(1, 3, 32, 32), wave[:, None].expand(1, 3, 32, 32)
    found = textures(torch.cat([upright, lying]), 8)
    assert found.shape == (2, 16, 12)
    difference = found[..., 6:9]  # Jxx - Jyy
    assert (difference[0] > 0).all()
    assert (difference[1] < 0).all()
