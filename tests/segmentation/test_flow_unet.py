"""The flow network: shapes, channels, sizes, files."""

import pytest
import torch

from cellapp.errors import ModelError
from cellapp.segmentation.flow_unet import FlowNetwork, NetworkSettings
from cellapp.segmentation.flow_unet_io import CONFIG, WEIGHTS, load_network, save_network

SMALL = {"widths": (4, 8, 12), "blocks": 1}
DESIGNS = [
    NetworkSettings("residual", stride=2, **SMALL),
    NetworkSettings("residual", stride=1, style=True, **SMALL),
    NetworkSettings("separable", stride=2, **SMALL),
]


def network(settings=DESIGNS[0], seed=0):
    torch.manual_seed(seed)
    return FlowNetwork(settings).eval().requires_grad_(False)


def picture(height=64, width=64, channels=2, seed=0):
    return torch.rand((1, channels, height, width), generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("settings", DESIGNS, ids=lambda s: f"{s.block}-{s.stride}")
@pytest.mark.parametrize("size", [(64, 64), (37, 50), (1, 1), (3, 128)])
def test_maps_have_the_size_of_the_picture(settings, size):
    maps, style = network(settings)(picture(*size))
    assert maps.shape == (1, 3, *size)
    assert style.shape == (1, 256)
    assert torch.isfinite(maps).all()


def test_one_plane_is_one_plane_and_an_empty_second():
    one = picture(channels=1)
    two = torch.cat([one, torch.zeros_like(one)], dim=1)
    three = torch.cat([two, picture(channels=1, seed=3)], dim=1)
    net = network()
    assert torch.equal(net(one)[0], net(two)[0])
    assert torch.equal(net(three)[0], net(two)[0])


def test_the_second_plane_counts():
    net, two = network(), picture()
    assert not torch.equal(net(two)[0], net(two[:, :1])[0])


def test_pictures_of_a_batch_do_not_meet():
    net, first, second = network(), picture(seed=1), picture(seed=2)
    together = net(torch.cat([first, second]))[0]
    torch.testing.assert_close(together[:1], net(first)[0], rtol=1e-4, atol=1e-5)


def test_a_shift_by_the_coarsest_step_moves_the_answer():
    """Convolutions only: what lies far from the edge does not know where it is."""
    net, wide = network(), picture(256, 256)
    step = 8
    moved = net(wide[..., step:, step:])[0]
    inside = slice(64, 160)
    torch.testing.assert_close(
        moved[..., inside, inside], net(wide)[0][..., 64 + step : 160 + step, 64 + step : 160 + step]
    )


@pytest.mark.parametrize("settings", DESIGNS, ids=lambda s: f"{s.block}-{s.stride}")
def test_folding_changes_nothing(settings):
    net = network(settings).train()
    for seed in range(3):
        net(picture(seed=seed))  # norms of a fresh network are the identity; make them count
    plain = net.eval().predict(picture(seed=9))
    torch.testing.assert_close(net.fold().predict(picture(seed=9)), plain, rtol=1e-3, atol=1e-4)


def test_the_default_network_is_small():
    n_weights = sum(p.numel() for p in FlowNetwork(NetworkSettings(blocks=1)).parameters())
    assert 5e5 < n_weights < 3e6


@pytest.mark.parametrize("settings", DESIGNS, ids=lambda s: f"{s.block}-{s.stride}")
def test_what_is_saved_comes_back(tmp_path, settings):
    net = network(settings)
    save_network(net, tmp_path)
    loaded = load_network(tmp_path)
    assert loaded.settings == settings
    assert (loaded.dtype, loaded.device.type) == (torch.float32, "cpu")
    assert not any(p.requires_grad for p in loaded.parameters())
    torch.testing.assert_close(loaded(picture())[0], net(picture())[0], rtol=0.02, atol=0.02)  # float16 on disk


def test_changed_weights_are_refused(tmp_path):
    save_network(network(), tmp_path)
    content = bytearray((tmp_path / WEIGHTS).read_bytes())
    content[-1] ^= 1
    (tmp_path / WEIGHTS).write_bytes(content)
    with pytest.raises(ModelError, match="sha256"):
        load_network(tmp_path)


def test_weights_of_another_network_are_refused(tmp_path):
    save_network(network(DESIGNS[0]), tmp_path)
    config = (tmp_path / CONFIG).read_text().replace('"residual"', '"separable"')
    (tmp_path / CONFIG).write_text(config)
    with pytest.raises(ModelError, match="does not fit"):
        load_network(tmp_path)


@pytest.mark.parametrize("content", [None, "", "{}", "[]", '{"network": {"block": "spiral"}, "sha256": ""}'])
def test_a_folder_without_a_network_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / CONFIG).write_text(content)
    with pytest.raises(ModelError, match="no segmentation network"):
        load_network(tmp_path)


def test_bfloat16_stays_near_float32():
    net = network()
    exact = net.predict(picture())
    rough = net.bfloat16().predict(picture().bfloat16()).float()
    assert (rough - exact).abs().mean() < 0.05 * exact.abs().mean() + 0.02
