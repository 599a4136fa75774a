"""The bundled network, run by Cellpose's tiling and dynamics; it also estimates the diameter of the cells."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cellapp.segmentation.cellpose import CellposeFlows
from cellapp.segmentation.diameter import SIGMA_PX, CellSize
from cellapp.segmentation.foreground import LOGIT_SPAN, find_threshold
from cellapp.segmentation.input_planes import select_planes
from cellapp.segmentation.network_segmenter import NetworkSegmenter
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
        return self._tiles.flows(pixels, roles, settings, fit)

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


def _is_blank(plane: np.ndarray) -> bool:
    """Return whether a plane is noise or uneven light, which at full contrast would look like one huge cell."""
    return find_threshold(plane, SIGMA_PX).empty
