"""What segmenters with a network of their own share: its folder, its name, the size of cells, and its tiles."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from cellapp.segmentation.cellpose import CellposeSegmenter
from cellapp.segmentation.diameter import SIGMA_PX, CellSize
from cellapp.segmentation.flow_unet_io import digest_of, load_network
from cellapp.segmentation.foreground import find_threshold
from cellapp.segmentation.slide_fit import SlideFit
from cellapp.settings import SegmentSettings
from cellapp.types.image import Role


class NetworkSegmenter(ABC):
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

    def flows(
        self, pixels: np.ndarray, roles: Sequence[Role], settings: SegmentSettings, fit: SlideFit | None = None
    ) -> Any:
        """Run the network once, with cells scaled to 30 px.

        Parameters
        ----------
        pixels : ndarray of shape (C, Y, X), float32
            Processed, 0 to 1.
        roles : sequence of Role
        settings : SegmentSettings
            `diameter` in px, or None to let the network find it.
        fit : SlideFit, optional
            Of the slide that `pixels` are a tile of.
        """
        if settings.diameter is None:
            size = self.estimate_size(pixels, roles)
            settings = settings.model_copy(update={"diameter": size.diameter_px})
            fit = fit or SlideFit.of_image(size, pixels, roles)
        return self._flows_of_size(pixels, roles, settings, fit)

    @abstractmethod
    def estimate_size(self, pixels: np.ndarray, roles: Sequence[Role]) -> CellSize:
        """Estimate the size of the cells of pixels, (C, Y, X) float32, 0 to 1."""

    @abstractmethod
    def _flows_of_size(
        self, pixels: np.ndarray, roles: Sequence[Role], settings: SegmentSettings, fit: SlideFit | None
    ) -> Any:
        """Run the network; `settings.diameter` is known, and `fit` is None where it is all there is to know."""


def is_blank(plane: np.ndarray) -> bool:
    """Return whether a plane is noise or uneven light, which at full contrast would look like one huge cell."""
    return find_threshold(plane, SIGMA_PX).empty
