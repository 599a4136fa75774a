"""Networks over images, and masks of ends, give the bytes that Cellpose's own functions give."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cellapp.compute import torchvision_shim
from cellapp.segmentation import cellpose_api
from cellapp.segmentation.end_masks import masks_of_ends
from cellapp.segmentation.network_tiles import resize_flow, run_small_tiles, run_tiles

torchvision_shim.install()


class Blur(torch.nn.Module):
    """A network whose answer in a pixel depends on its neighbours and on where it is in its square."""

    device, dtype = torch.device("cpu"), torch.float32

    def forward(self, squares):
        ramp = torch.linspace(0, 1, squares.shape[-1])
        return torch.nn.functional.avg_pool2d(squares, 5, 1, 2) + ramp, torch.zeros(len(squares), 256)


def picture(seed, shape):
    return np.random.default_rng(seed).random((*shape, 3), np.float32)


def cellposes(image, scale, tile_px):
    """`run_tiles` by Cellpose."""
    from cellpose.core import run_net
    from cellpose.transforms import resize_image

    (out,), _ = run_net(Blur(), image[None], batch_size=8, bsize=tile_px, rsz=None if scale == 1 else scale)
    return out if out.shape[:2] == image.shape[:2] else resize_image(out, *image.shape[:2])


@settings(max_examples=12, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 300), st.integers(1, 300)),
    scale=st.sampled_from([1, 0.37, 1.9, 1.0001]),
    tile_px=st.sampled_from([64, 96, 224]),
)
def test_tiles_are_those_of_cellpose(shape, scale, tile_px):
    scale = max(scale, 1 / min(shape))
    image = picture(0, shape)
    np.testing.assert_array_equal(run_tiles(Blur(), image, scale, tile_px), cellposes(image, scale, tile_px))


@pytest.mark.parametrize("shape", [(40, 90), (300, 130)])
def test_small_tiles_are_cut_and_averaged_as_cellpose_does(shape):
    from cellpose.transforms import average_tiles, get_pad_yx, make_tiles

    image = picture(1, shape)
    top, bottom, left, right = get_pad_yx(*shape)
    padded = np.pad(image.transpose(2, 0, 1), ((0, 0), (top, bottom), (left, right)))
    tiles, rows, columns, height, width = make_tiles(padded, bsize=96)
    maps = Blur()(torch.from_numpy(tiles.reshape(-1, *tiles.shape[2:])))[0].numpy()
    out = average_tiles(maps, rows, columns, height, width)[:, top : height - bottom, left : width - right]
    np.testing.assert_array_equal(run_small_tiles(Blur(), image, 1, 96), out.transpose(1, 2, 0))


def test_flows_are_resized_as_cellpose_does():
    from cellpose.transforms import resize_image

    flow = picture(2, (61, 44))[..., :2].transpose(2, 0, 1)
    wanted = resize_image(np.ascontiguousarray(flow.transpose(1, 2, 0)), 33, 70)
    np.testing.assert_array_equal(resize_flow(flow, (33, 70)).transpose(1, 2, 0), wanted)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**16),
    shape=st.tuples(st.integers(1, 90), st.integers(1, 90)),
    n_middles=st.integers(0, 30),
    spread_px=st.sampled_from([0.0, 0.6, 2.5]),
    min_size_px=st.sampled_from([0, 1, 15]),
)
def test_masks_of_ends_are_those_of_cellpose(seed, shape, n_middles, spread_px, min_size_px):
    """Middles may touch, lie on the edge, and have as many pixels as each other; holes and specks come about."""
    rng = np.random.default_rng(seed)
    pixels = np.nonzero(rng.random(shape) < 0.9)
    at = np.stack(pixels).astype(np.float32)
    if n_middles:
        middles = (rng.random((n_middles, 2)) * shape).astype(np.float32)
        nearest = ((at.T[:, None] - middles) ** 2).sum(axis=2).argmin(axis=1)
        at = middles[nearest].T + rng.normal(0, spread_px, at.shape).astype(np.float32)
        at = np.clip(at, 0, np.array(shape, np.float32)[:, None] - 1)
    ends = torch.from_numpy(np.ascontiguousarray(at))
    ours = masks_of_ends(ends.int().numpy(), pixels, shape, min_size_px)
    theirs = cellpose_api.masks_of_ends(ends.clone(), pixels, shape, min_size_px)
    assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours, theirs)
