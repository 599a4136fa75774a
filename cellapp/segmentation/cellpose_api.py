"""Every call to the `cellpose` package: its networks, their training, and its own dynamics."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from cellapp.compute import torchvision_shim
from cellapp.errors import ModelError

TRAINED_DIAMETER_PX = 30.0
FLOW_SCALE = 5.0  # networks predict unit vectors times this
TILE_PX = {"sam_vitl": 256, "dino_vitl": 384, "dino_vitb": 384}
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


def step_each(flow: np.ndarray, pixels: tuple[np.ndarray, ...], n_steps: int, device: Any) -> Any:
    """Let every pixel take every step.

    Parameters
    ----------
    flow : ndarray of shape (2, Y, X), float32
        px per step.
    pixels : tuple of two ndarray of shape (N,), int
        Rows and columns.
    n_steps : int
    device : torch.device

    Returns
    -------
    Tensor of shape (2, N), float32
        Rows and columns after the last step.
    """
    torchvision_shim.install()
    from cellpose.dynamics import steps_interp

    return steps_interp(flow, pixels, n_steps, device=device)


def masks_of_ends(ends: Any, pixels: tuple[np.ndarray, ...], shape: tuple[int, int], min_size_px: int) -> np.ndarray:
    """Label pixels that end together, fill holes and drop small masks.

    Parameters
    ----------
    ends : Tensor of shape (2, N), float32
        Where the pixels are after the last step.
    pixels : tuple of two ndarray of shape (N,), int
        Where they were before the first.
    shape : (int, int)
    min_size_px : int

    Returns
    -------
    ndarray of shape (Y, X), unsigned integer
    """
    torchvision_shim.install()
    from cellpose.dynamics import get_masks_torch
    from cellpose.utils import fill_holes_and_remove_small_masks
    from torch.sparse import check_sparse_tensor_invariants

    check_sparse_tensor_invariants.disable()  # what torch does anyway, but for a warning on stderr
    ends = ends.int().cpu() if ends.device.type == "mps" else ends.int()
    masks = get_masks_torch(ends, pixels, shape, max_size_fraction=1.0)  # a region may show a single cell
    return fill_holes_and_remove_small_masks(masks, min_size=min_size_px) if min_size_px else masks


def flow_errors(labels: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Return the mean squared difference between the flows of each mask and those of the network, (n,).

    Parameters
    ----------
    labels : ndarray of shape (Y, X), int32
        Ids 1..n.
    flow : ndarray of shape (2, Y, X), float32
        Five times the flow.
    """
    torchvision_shim.install()
    from cellpose.dynamics import flow_error

    return flow_error(labels, flow)[0]


def train_network(
    net: Any, images: Sequence[np.ndarray], labels: Sequence[np.ndarray], folder: Path, **how: Any
) -> tuple[Path, list[float]]:
    """Train a network of Cellpose by its own training function, `cellpose.train.train_seg`.

    Parameters
    ----------
    net : torch.nn.Module
        Of `empty_network` with weights, or a `ResidualUNet`.
    images : sequence of ndarray of shape (3, Y, X), float32
        As the network reads them; they are not normalised again.
    labels : sequence of ndarray of shape (Y, X), integer
    folder : Path
        The file is written below it, in Cellpose's own format.
    **how
        By Cellpose's names: n_epochs, learning_rate, weight_decay, batch_size, bsize, rescale.

    Returns
    -------
    file : Path
    losses : list of float
        Of each epoch.
    """
    torchvision_shim.install()
    from cellpose.train import train_seg

    data, train_labels = list(images), [one.astype(np.int32) for one in labels]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "In CPU autocast")  # it trains in float32 then, as it should
        file, losses, _ = train_seg(
            net,
            data,
            train_labels,
            normalize=False,
            save_path=folder,
            min_train_masks=0,
            model_name="cellpose",
            **how,
        )
    return Path(file), [float(loss) for loss in losses]
