"""Networks of Cellpose 1 to 3: files load by the names in them, nuclei are shown to networks of nuclei.

Equality with the `cellpose` package of version 3 is shown by benchmarks/older_cellpose.py, which needs that package.
"""

import numpy as np
import pytest
import torch

from cellapp.errors import ModelError
from cellapp.segmentation.cellpose import CellposeSegmenter
from cellapp.segmentation.network_tiles import run_small_tiles, run_tiles
from cellapp.segmentation.residual_unet import ResidualUNet, widths_of
from cellapp.settings import SegmentSettings
from cellapp.types.image import Role

WIDTHS = (4, 6, 8)
ROLES = (Role.CYTOPLASM, Role.NUCLEUS)
SETTINGS = SegmentSettings(diameter=30)

PUBLISHED = {
    "downsample.down.res_down_0.conv.conv_0.0.weight": (2,),
    "downsample.down.res_down_0.conv.conv_0.2.weight": (32, 2, 3, 3),
    "downsample.down.res_down_3.proj.1.bias": (256,),
    "upsample.up.res_up_3.conv.conv_0.0.running_var": (256,),
    "upsample.up.res_up_0.conv.conv_1.full.weight": (32, 256),
    "upsample.up.res_up_1.conv.conv_3.conv.2.weight": (64, 64, 3, 3),
    "upsample.up.res_up_2.proj.0.num_batches_tracked": (),
    "output.2.weight": (3, 32, 1, 1),
    "diam_mean": (1,),
    "diam_labels": (1,),
}
"""Some names and shapes of cyto3, as cellpose 3 writes them."""


def network(seed=0, widths=WIDTHS):
    torch.manual_seed(seed)
    net = ResidualUNet(widths)
    for layer in net.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.running_mean.normal_(std=0.2)
            layer.running_var.uniform_(0.5, 2.0)
    return net.eval()


@pytest.fixture
def weights(tmp_path):
    def write(name="cyto3", **changes):
        torch.save(network().state_dict() | changes, tmp_path / name)
        return tmp_path / name

    return write


def test_parts_have_the_names_and_shapes_of_published_files():
    state = ResidualUNet().state_dict()
    assert {name: tuple(state[name].shape) for name in PUBLISHED} == PUBLISHED
    assert len(state) == 313
    assert widths_of(state) == (2, (32, 64, 128, 256))


def test_each_image_of_a_batch_is_answered_by_itself_and_its_style_has_length_one():
    net, images = network(), torch.rand(3, 3, 32, 48)
    with torch.no_grad():
        maps, style = net(images)
        alone, _ = net(images[1:2])
    assert maps.shape == (3, 3, 32, 48)
    torch.testing.assert_close(maps[1:2], alone)
    torch.testing.assert_close(style.square().sum(dim=1), torch.ones(3))


def test_the_third_plane_counts_nothing():
    net, images = network(), torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(net(images)[0], net(images[:, :2])[0])


@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_file_is_known_by_what_is_in_it(tmp_path, prefix):
    torch.save({f"{prefix}{name}": value for name, value in network().state_dict().items()}, tmp_path / "mine")
    segmenter = CellposeSegmenter(tmp_path / "mine")
    assert segmenter.name.startswith("cellpose:mine@")
    flows = segmenter.flows(np.random.default_rng(0).random((2, 60, 70), np.float32), ROLES, SETTINGS)
    assert flows.flow.shape == (2, 60, 70)
    assert segmenter.masks(flows, SETTINGS).shape == (60, 70)


def test_a_network_that_restores_images_is_refused(weights):
    torch.manual_seed(0)
    path = weights("denoise", **{"output.2.weight": torch.ones(2, WIDTHS[0], 1, 1), "output.2.bias": torch.ones(2)})
    with pytest.raises(ModelError, match="'denoise' holds no network of Cellpose"):
        CellposeSegmenter(path)


def test_parts_that_are_missing_are_named(tmp_path):
    state = network().state_dict()
    del state["upsample.up.res_up_0.proj.1.weight"]
    torch.save(state, tmp_path / "torn")
    with pytest.raises(ModelError, match="lacks 1 parts of a Cellpose 1 to 3 network"):
        CellposeSegmenter(tmp_path / "torn")


def test_images_larger_than_a_tile_are_run_as_cellpose_4_runs_them():
    image = np.random.default_rng(1).random((300, 270, 3), np.float32)
    net = network(widths=(4, 256))
    np.testing.assert_allclose(run_small_tiles(net, image, 1.0, 224), run_tiles(net, image, 1.0, 224), atol=1e-5)


def test_no_zeros_are_added_round_a_small_image_beyond_a_margin():
    seen = []
    net = network()
    net.register_forward_pre_hook(lambda _, given: seen.append(tuple(given[0].shape)))
    out = run_small_tiles(net, np.ones((40, 90, 3), np.float32), 0.5, 224)
    assert seen == [(1, 3, 48, 64)]
    assert out.shape == (40, 90, 3)


@pytest.mark.parametrize(("name", "diameter_px"), [("cyto3", 30.0), ("nuclei", 17.0)])
def test_networks_of_nuclei_are_shown_nuclei_alone_and_at_17_px(weights, name, diameter_px):
    segmenter = CellposeSegmenter(weights(name, diam_mean=torch.tensor([diameter_px])))
    seen = []
    segmenter._net.register_forward_pre_hook(lambda _, given: seen.append(given[0][0].mean(dim=(1, 2)).tolist()))
    pixels = np.stack([np.full((208, 208), value, np.float32) for value in (0.25, 0.75)])
    segmenter.flows(pixels, ROLES, SegmentSettings(diameter=diameter_px))
    share = (208 / 224) ** 2
    wanted = [0.75, 0.0, 0.0] if name == "nuclei" else [0.25, 0.75, 0.0]
    assert seen[0] == pytest.approx([value * share for value in wanted])


def test_a_file_of_cellpose_1_does_not_hold_the_diameter_and_its_name_does(tmp_path):
    state = {name: value for name, value in network().state_dict().items() if not name.startswith("diam_")}
    for name, diameter_px in (("nucleitorch_0", 17.0), ("cytotorch_0", 30.0)):
        torch.save(state, tmp_path / name)
        assert CellposeSegmenter(tmp_path / name)._net.diameter_px == diameter_px
