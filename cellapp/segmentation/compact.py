"""The bundled network, run by Cellpose's tiling and dynamics; it also estimates the diameter of the cells."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from cellapp.segmentation.cellpose import CellposeFlows, CellposeSegmenter
from cellapp.segmentation.diameter import SIGMA_PX, CellSize
from cellapp.segmentation.flow_unet_io import digest_of, load_network
from cellapp.segmentation.foreground import LOGIT_SPAN, find_threshold
from cellapp.segmentation.input_planes import select_planes
from cellapp.segmentation.network_size import SizeFinder
from cellapp.segmentation.reliability import read_calibration
from cellapp.segmentation.slide_fit import SlideFit
from cellapp.settings import SegmentSettings
from cellapp.types.image import Role


class CompactSegmenter:
    """A `FlowNetwork` run as Cellpose runs its own."""

    fast = True

    def __init__(self, folder: Path, *, name: str = "compact", device: str = "cpu", dtype: str = "float32") -> None:
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
        self.model = name
        self._network = network.to(memory_format=torch.channels_last)
        self._inner = CellposeSegmenter.from_network(self._network, f"{name}-{digest_of(folder)[:8]}", fast=True)
        self.name = self._inner.name
        self.calibration = read_calibration(folder, digest_of(folder))

    def flows(
        self, pixels: np.ndarray, roles: Sequence[Role], settings: SegmentSettings, fit: SlideFit | None = None
    ) -> CellposeFlows:
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
        if fit is None and _is_blank(select_planes(pixels, roles).body):
            shape = pixels.shape[1:]
            background = np.full(shape, -LOGIT_SPAN, np.float32)
            return CellposeFlows(np.zeros((2, *shape), np.float32), background, settings.diameter)
        return self._inner.flows(pixels, roles, settings, fit)

    def masks(self, flows: CellposeFlows, settings: SegmentSettings) -> np.ndarray:
        """Follow the flows to masks, (Y, X) int32, ids 1..n."""
        return self._inner.masks(flows, settings)

    def estimate_size(self, pixels: np.ndarray, roles: Sequence[Role]) -> CellSize:
        """Estimate the size of the cells, see `cellapp.segmentation.network_size.SizeFinder`.

        Parameters
        ----------
        pixels : ndarray of shape (C, Y, X), float32
            Processed, 0 to 1.
        roles : sequence of Role

        Returns
        -------
        CellSize
            30 px where no cells are found at any of the scales tried.
        """
        return SizeFinder(self._network, self._inner.masks, pixels, roles).find()


def _is_blank(plane: np.ndarray) -> bool:
    """Return whether a plane is noise or uneven light, which at full contrast would look like one huge cell."""
    return find_threshold(plane, SIGMA_PX).empty
