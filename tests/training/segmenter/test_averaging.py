"""The mean of networks: between its parts, the same whatever their order, of one shape."""

import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.cli import main
from cellapp.errors import InputError
from cellapp.segmentation.flow_unet import FlowNetwork, NetworkSettings
from cellapp.segmentation.flow_unet_io import read_network, save_network
from cellapp.training.segmenter.averaging import average_networks

pytestmark = pytest.mark.slow


def network(folder, seed, widths=(8, 16)):
    torch.manual_seed(seed)
    folder.mkdir()
    save_network(FlowNetwork(NetworkSettings("residual", widths, 1, 2, False)), folder)
    return folder


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pair")
    return network(folder / "a", 0), network(folder / "b", 1)


@settings(max_examples=10, deadline=None)
@given(st.floats(0.01, 100), st.floats(0.01, 100))
def test_each_weight_lies_where_the_shares_say(pair, tmp_path_factory, one, other):
    out = tmp_path_factory.mktemp("mean")
    average_networks({pair[0]: one, pair[1]: other}, out)
    mean, a, b = (read_network(folder).state_dict() for folder in (out, *pair))
    for name, values in mean.items():
        expected = a[name] if not values.is_floating_point() else (one * a[name] + other * b[name]) / (one + other)
        torch.testing.assert_close(values, expected, rtol=2e-3, atol=1e-4)  # written as float16


def test_the_order_does_not_matter_and_one_network_is_its_own_mean(pair, tmp_path):
    a, b = pair
    for name, shares in {"ab": {a: 1, b: 3}, "ba": {b: 3, a: 1}, "a": {a: 2}}.items():
        average_networks(shares, tmp_path / name)
    files = {name: (tmp_path / name / "weights.safetensors").read_bytes() for name in ("ab", "ba", "a")}
    assert files["ab"] == files["ba"]
    assert files["a"] == (a / "weights.safetensors").read_bytes()


def test_networks_of_two_shapes_and_no_share_are_refused(pair, tmp_path):
    other = network(tmp_path / "other", 2, widths=(8, 24))
    with pytest.raises(InputError, match="different shapes"):
        average_networks({pair[0]: 1, other: 1}, tmp_path / "out")
    with pytest.raises(InputError, match="share above 0"):
        average_networks({pair[0]: 0}, tmp_path / "out")


def test_the_command_writes_a_network(pair, tmp_path, capsys):
    out, parts = tmp_path / "mean", [str(folder) for folder in pair]
    assert main(["average-segmenters", *parts, "--share", "1", "--share", "2", "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["n_networks"] == 2
    read_network(out)
    assert main(["average-segmenters", *parts, "--share", "1", "--out", str(out)]) == 2
    assert "as many --share" in capsys.readouterr().err
    assert main(["average-segmenters", parts[0], parts[0], "--out", str(out)]) == 2
