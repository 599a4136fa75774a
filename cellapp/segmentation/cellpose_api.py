"""Every call to the `cellpose` package: networks, tiles, dynamics and training targets."""

from __future__ import annotations

import importlib.util
from importlib.metadata import version
from typing import Any

import numpy as np

from cellapp.compute import torchvision_shim
from cellapp.errors import ModelError
from cellapp.segmentation.label_image import relabel, resize_labels

TRAINED_DIAMETER_PX = 30.0
STEPS = 200  # of the dynamics, for cells of the trained diameter
CHECK_DIAMETER_PX = 20.0  # larger cells are shrunk to it for the flow check
TILE_PX = {"sam_vitl": 256, "dino_vitl": 384, "dino_vitb": 384}
BATCH = 8
VERSION = version("cellpose")


def empty_network(backbone: str, dtype: Any) -> Any:
    """Build a Cellpose 4 network without weights.

    Raises
    ------
    ModelError
        When the backbone is unknown, or dinov3 is needed and not installed.
    """
    if backbone not in TILE_PX:
        raise ModelError(f"no Cellpose backbone {backbone!r}; choose one of: {', '.join(TILE_PX)}")
    torchvision_shim.install()
    from cellpose import vit

    if backbone == "sam_vitl":
        return vit.CPSAM(dtype=dtype)
    if importlib.util.find_spec("dinov3") is None:
        raise ModelError(
            "this Cellpose model is built on DINOv3, which is not installed: "
            "pip install git+https://github.com/facebookresearch/dinov3"
        )
    return vit.CPDINO(model_name=backbone.removeprefix("dino_"), dtype=dtype)


def run_tiles(net: Any, image: np.ndarray, scale: float, tile_px: int) -> np.ndarray:
    """Rescale an image, run the network on overlapping tiles, and bring the maps back to the image's size.

    Parameters
    ----------
    net : torch.nn.Module
    image : ndarray of shape (Y, X, 3), float32
    scale : float
    tile_px : int
        Side of the squares the network reads.

    Returns
    -------
    ndarray of shape (Y, X, 3), float32
        Five times the flow of rows and columns, and the logit of the cell.
    """
    torchvision_shim.install()
    from cellpose.core import run_net
    from cellpose.transforms import resize_image

    out, _ = run_net(net, image[None], batch_size=BATCH, bsize=tile_px, rsz=None if scale == 1 else scale)
    return out[0] if out.shape[1:3] == image.shape[:2] else resize_image(out[0], *image.shape[:2])


def run_small_tiles(net: Any, image: np.ndarray, scale: float, tile_px: int) -> np.ndarray:
    """Do what `run_tiles` does with tiles no larger than the image, as Cellpose 1 to 3 did.

    Their networks describe the style of what they are shown by a mean over it, which zeros around a small image change.
    """
    torchvision_shim.install()
    from cellpose.core import _forward
    from cellpose.transforms import average_tiles, get_pad_yx, make_tiles, resize_image

    rescaled = image if scale == 1 else resize_image(image, rsz=[scale, scale])
    top, bottom, left, right = get_pad_yx(*rescaled.shape[:2])
    padded = np.pad(rescaled.transpose(2, 0, 1), ((0, 0), (top, bottom), (left, right)))
    tiles, rows, columns, height, width = make_tiles(padded, bsize=tile_px)
    tiles = tiles.reshape(-1, *tiles.shape[2:])
    maps = np.concatenate([_forward(net, tiles[i : i + BATCH])[0] for i in range(0, len(tiles), BATCH)])
    out = average_tiles(maps, rows, columns, height, width).transpose(1, 2, 0)
    out = np.ascontiguousarray(out[top : height - bottom, left : width - right])
    return out if out.shape[:2] == image.shape[:2] else resize_image(out, *image.shape[:2])


def follow_flows(
    flow: np.ndarray,
    probability: np.ndarray,
    *,
    n_steps: int,
    cellprob_threshold: float,
    min_size_px: int,
    device: Any,
) -> np.ndarray:
    """Integrate pixels along the flows and label those that converge; masks are not checked against the flows.

    Parameters
    ----------
    flow : ndarray of shape (2, Y, X), float32
        Five times the flow.
    probability : ndarray of shape (Y, X), float32
    n_steps : int
        `STEPS` for cells of the diameter that the network was trained at, more for larger ones.
    cellprob_threshold : float
    min_size_px : int
    device : torch.device

    Returns
    -------
    ndarray of shape (Y, X), int32
        Ids 1..n.
    """
    torchvision_shim.install()
    from cellpose.dynamics import resize_and_compute_masks
    from torch.sparse import check_sparse_tensor_invariants

    check_sparse_tensor_invariants.disable()  # what torch does anyway, but for a warning on stderr
    masks = resize_and_compute_masks(
        flow,
        probability,
        niter=n_steps,
        cellprob_threshold=cellprob_threshold,
        flow_threshold=0,
        min_size=min_size_px,
        max_size_fraction=1.0,  # a region may show a single cell
        device=device,
    )
    return relabel(masks)


def drop_inconsistent(
    labels: np.ndarray, flow: np.ndarray, diameter_px: float, *, flow_threshold: float, device: Any
) -> np.ndarray:
    """Drop masks whose flows, computed from their shape, differ from those of the network.

    Cellpose computes the flows of masks by as many rounds of diffusion as the largest cell is wide, at the size of the
    image, which takes most of the time where cells are large. Masks shrunk to 20 px give the same decisions.

    Parameters
    ----------
    labels : ndarray of shape (Y, X), int32
        Ids 1..n; those too small to show at the smaller scale stay.
    flow : ndarray of shape (2, Y, X), float32
        Five times the flow.
    diameter_px : float
    flow_threshold : float
        Largest mean squared difference allowed; 0 keeps all.
    device : torch.device

    Returns
    -------
    ndarray of shape (Y, X), int32
        Ids 1..n.
    """
    if flow_threshold == 0 or not labels.any():
        return labels
    from cellpose.dynamics import flow_error
    from cellpose.transforms import resize_image

    scale = min(1.0, CHECK_DIAMETER_PX / diameter_px)
    shape = tuple(max(1, round(side * scale)) for side in labels.shape)
    small, ids = resize_labels(labels, shape), np.arange(1, labels.max() + 1)
    if scale < 1:
        flow = resize_image(np.ascontiguousarray(flow.transpose(1, 2, 0)), *shape).transpose(2, 0, 1)
        ids = np.setdiff1d(small, 0)
    errors, _ = flow_error(relabel(small), flow, device) if ids.size else (np.zeros(0), None)
    return relabel(np.where(np.isin(labels, ids[errors > flow_threshold]), 0, labels))


def flow_targets(labels: np.ndarray) -> np.ndarray:
    """Compute the flows a network of Cellpose's kind is trained to predict, by Cellpose's own diffusion.

    Parameters
    ----------
    labels : ndarray of shape (Y, X), integer
        Ids 1..n without gaps, 0 is background.

    Returns
    -------
    ndarray of shape (2, Y, X), float32
        Unit vectors (rows, columns) towards the middle of each cell, 0 outside.
    """
    torchvision_shim.install()
    import torch
    from cellpose.dynamics import masks_to_flows_gpu

    return masks_to_flows_gpu(labels.astype(np.int64), device=torch.device("cpu"))[0].astype(np.float32)
