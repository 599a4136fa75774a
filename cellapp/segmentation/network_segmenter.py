"""What segmenters with a network of their own share: its folder, its name, and the tiles in which it runs."""

from __future__ import annotations

from pathlib import Path

import torch

from cellapp.segmentation.cellpose import CellposeSegmenter
from cellapp.segmentation.flow_unet_io import digest_of, load_network


class NetworkSegmenter:
    """A `FlowNetwork` read from a folder; Cellpose's code scales its input, and cuts and joins tiles."""

    fast = True

    def __init__(self, folder: Path, *, name: str, device: str = "cpu", dtype: str = "float32") -> None:
        """Load ``weights.safetensors`` and ``config.json`` of a folder.

        Parameters
        ----------
        folder : Path
        name : str
            Of the model; the first digits of the weights' sha256 are added to it.
        device, dtype : str
            As torch names them.

        Raises
        ------
        ModelError
            When a file is missing, damaged or not the one the config names.
        """
        network = load_network(folder).to(device=device, dtype=getattr(torch, dtype))
        self._network = network.to(memory_format=torch.channels_last)
        self._digest = digest_of(folder)
        self._full_name = f"{name}-{self._digest[:8]}"
        self._tiles = CellposeSegmenter.from_network(self._network, self._full_name, fast=True)
