"""From a weights file of any Cellpose to its network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from cellapp.compute import torchvision_shim
from cellapp.errors import ModelError
from cellapp.segmentation.cellpose_api import empty_network
from cellapp.segmentation.cellpose_weights import backbone_of, is_residual_unet, read_state
from cellapp.segmentation.residual_unet import NUCLEI_DIAMETER_PX, ResidualUNet, widths_of


def load_network(weights: Path, backbone: str | None, device: str, dtype: str) -> Any:
    """Build the network of a file and give it the tensors in it.

    Parameters
    ----------
    weights : Path
    backbone : str or None
        Of a Cellpose 4 file; None reads it from the file.
    device, dtype : str
        As torch names them.

    Returns
    -------
    torch.nn.Module
        See `cellapp.segmentation.cellpose.CellposeSegmenter.from_network`.

    Raises
    ------
    ModelError
        When the file is missing, no Cellpose file, or lacks parts of its network.
    """
    state = read_state(weights)
    if is_residual_unet(state):
        kind, net = "Cellpose 1 to 3", _residual_unet(state, weights)
    else:
        torchvision_shim.install()
        kind = backbone or backbone_of(state, weights)
        net = empty_network(kind, getattr(torch, dtype))
    missing = net.load_state_dict(state, strict=False).missing_keys
    if missing := [name for name in missing if not name.startswith("diam_")]:
        raise ModelError(f"{weights.name!r} lacks {len(missing)} parts of a {kind} network, such as {missing[0]!r}")
    return net.to(device=torch.device(device), dtype=getattr(torch, dtype))


def _residual_unet(state: dict[str, Any], weights: Path) -> ResidualUNet:
    n_inputs, widths = widths_of(state)
    net = ResidualUNet(widths, n_inputs)
    if "diam_mean" not in state and weights.name.startswith("nuclei"):  # files of Cellpose 1 do not hold it
        net.diam_mean.fill_(NUCLEI_DIAMETER_PX)
    return net
