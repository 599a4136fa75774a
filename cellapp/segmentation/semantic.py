"""A network that tells foreground from background, and a watershed that divides the foreground into cells."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from skimage.morphology import remove_small_holes

from cellapp.segmentation.classical import Classical, ClassicalFlows, divide_cells, find_nuclei
from cellapp.segmentation.diameter import CellSize
from cellapp.segmentation.foreground import LOGIT_SPAN, Foreground
from cellapp.segmentation.input_planes import Polarity, select_planes
from cellapp.segmentation.label_image import drop_small, relabel
from cellapp.segmentation.network_segmenter import NetworkSegmenter, is_blank
from cellapp.segmentation.semantic_size import find_size
from cellapp.segmentation.slide_fit import SlideFit, Thresholds
from cellapp.settings import SegmentSettings
from cellapp.types.image import Role

HOLE_SHARE = 0.1  # of the area of a typical cell: smaller holes are filled, larger ones are gaps between cells


class SemanticSegmenter(NetworkSegmenter):
    """A `FlowNetwork` with the head "foreground": its logit takes the place of the threshold of `Classical`.

    Where a channel shows nuclei the watershed sets out from them, as there.
    """

    def __init__(self, folder: Path, *, name: str = "foreground", device: str = "cpu", dtype: str = "float32") -> None:
        """Load a folder; parameters and errors are those of `NetworkSegmenter`."""
        super().__init__(folder, name=name, device=device, dtype=dtype)
        self.name = f"semantic:{self._full_name}@1"

    def fit(
        self, sample: np.ndarray, roles: Sequence[Role], settings: SegmentSettings, polarity: Polarity
    ) -> Thresholds:
        """Find the threshold of nuclei of a slide; see `Classical.fit`."""
        return Classical().fit(sample, roles, settings, polarity)

    def masks(self, flows: ClassicalFlows, settings: SegmentSettings) -> np.ndarray:
        """Divide the foreground into cells, from nuclei where there are any.

        Parameters
        ----------
        flows : ClassicalFlows
        settings : SegmentSettings
            `cellprob_threshold` is the limit of the logit, `min_size_px` drops small cells.

        Returns
        -------
        ndarray of shape (Y, X), int32
            Ids 1..n.
        """
        hole_px = round(HOLE_SHARE * np.pi / 4 * (flows.width_px or flows.diameter_px) ** 2)
        mask = remove_small_holes(flows.body.mask(settings.cellprob_threshold), max_size=hole_px)
        return relabel(drop_small(divide_cells(flows, mask), settings.min_size_px))

    def estimate_size(self, pixels: np.ndarray, roles: Sequence[Role]) -> CellSize:
        """Estimate the size of the cells, see `cellapp.segmentation.semantic_size.find_size`."""
        return find_size(self._network, pixels, roles)

    def _flows_of_size(
        self, pixels: np.ndarray, roles: Sequence[Role], settings: SegmentSettings, fit: SlideFit | None
    ) -> ClassicalFlows:
        planes = select_planes(pixels, roles, fit.polarity if fit else None)
        nucleus = find_nuclei(planes, settings.diameter, fit.thresholds.nucleus if fit and fit.thresholds else None)
        if fit is None and is_blank(planes.body):
            body = Foreground(np.full(pixels.shape[1:], -LOGIT_SPAN, np.float32), empty=True)
        else:
            body = Foreground(self._tiles.flows(pixels, roles, settings, fit).probability)
        return ClassicalFlows(body, nucleus, settings.diameter, fit.width_px if fit else None)
