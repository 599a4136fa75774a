"""The bundled network, run by Cellpose's tiling and dynamics; it also estimates the diameter of the cells."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cellapp.segmentation.cellpose import CellposeFlows
from cellapp.segmentation.diameter import CellSize
from cellapp.segmentation.foreground import LOGIT_SPAN
from cellapp.segmentation.input_planes import select_planes
from cellapp.segmentation.network_segmenter import NetworkSegmenter, is_blank
from cellapp.segmentation.network_size import SizeFinder
from cellapp.segmentation.reliability import read_calibration
from cellapp.segmentation.slide_fit import SlideFit
from cellapp.settings import SegmentSettings
from cellapp.types.image import Role


class CompactSegmenter(NetworkSegmenter):
    """A `FlowNetwork` run as Cellpose runs its own."""

    def __init__(self, folder: Path, *, name: str = "compact", device: str = "cpu", dtype: str = "float32") -> None:
        """Load a folder; parameters and errors are those of `NetworkSegmenter`."""
        super().__init__(folder, name=name, device=device, dtype=dtype)
        self.model, self.name = name, self._tiles.name
        self.calibration = read_calibration(folder, self._digest)

    def masks(self, flows: CellposeFlows, settings: SegmentSettings) -> np.ndarray:
        """Follow the flows to masks, (Y, X) int32, ids 1..n."""
        return self._tiles.masks(flows, settings)

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
        return SizeFinder(self._network, self._tiles.masks, pixels, roles).find()

    def _flows_of_size(
        self, pixels: np.ndarray, roles: Sequence[Role], settings: SegmentSettings, fit: SlideFit | None
    ) -> CellposeFlows:
        if fit is None and is_blank(select_planes(pixels, roles).body):
            shape = pixels.shape[1:]
            background = np.full(shape, -LOGIT_SPAN, np.float32)
            return CellposeFlows(np.zeros((2, *shape), np.float32), background, settings.diameter)
        return self._tiles.flows(pixels, roles, settings, fit)
