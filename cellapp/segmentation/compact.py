"""The bundled network, run by Cellpose's tiling and dynamics; it also estimates the diameter of the cells."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from cellapp.images.sampling import spread_windows
from cellapp.segmentation.cellpose import CellposeFlows, CellposeSegmenter
from cellapp.segmentation.diameter import FALLBACK_PX, SIGMA_PX
from cellapp.segmentation.flow_unet import REFERENCE_PX
from cellapp.segmentation.flow_unet_io import digest_of, load_network
from cellapp.segmentation.foreground import LOGIT_SPAN, find_threshold
from cellapp.segmentation.input_planes import select_planes
from cellapp.segmentation.slide_fit import SlideFit
from cellapp.settings import SegmentSettings
from cellapp.types.image import Role

COARSE_PX, MEASURE_PX = 256, 512  # sides of the windows for the first estimate and the measurement, after rescaling
N_WINDOWS = 2  # each way, spread over images that are larger
START_SCALES = (1.0, 1 / 3, 3.0)  # tried until cells are found
N_REFINEMENTS = 3  # of the scale, at most
NEAR_OCTAVES = 0.15  # a scale this close to the reference is right
MIN_CELLS = 3  # whose median diameter is preferred to the size the network predicts
MIN_SHARE = 0.002  # of the pixels must be cell for a size to be taken from them
UNCHECKED = SegmentSettings(flow_threshold=0)  # a median diameter needs no check of each mask
LIMITS_PX = (4.0, 400.0)


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
        self._network = network.to(memory_format=torch.channels_last)
        self._inner = CellposeSegmenter.from_network(self._network, f"{name}-{digest_of(folder)[:8]}", fast=True)
        self.name = self._inner.name

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
            settings = settings.model_copy(update={"diameter": self.estimate_diameter(pixels, roles)})
        if fit is None and _is_blank(select_planes(pixels, roles).body):
            shape = pixels.shape[1:]
            background = np.full(shape, -LOGIT_SPAN, np.float32)
            return CellposeFlows(np.zeros((2, *shape), np.float32), background, settings.diameter)
        return self._inner.flows(pixels, roles, settings, fit)

    def masks(self, flows: CellposeFlows, settings: SegmentSettings) -> np.ndarray:
        """Follow the flows to masks, (Y, X) int32, ids 1..n."""
        return self._inner.masks(flows, settings)

    def estimate_diameter(self, pixels: np.ndarray, roles: Sequence[Role]) -> float:
        """Estimate the median cell diameter: predict a size, rescale to it, predict again, and measure the masks there.

        The network underestimates how far a size is from 30 px; masks made near 30 px do not. Cellpose's size model was
        followed by a measurement for the same reason (Stringer et al. 2021).

        Parameters
        ----------
        pixels : ndarray of shape (C, Y, X), float32
            Processed, 0 to 1.
        roles : sequence of Role

        Returns
        -------
        float
            px; 30 where no cells are found at any of the scales tried.
        """
        planes = select_planes(pixels, roles)
        if _is_blank(planes.body):
            return FALLBACK_PX
        nucleus = np.zeros_like(planes.body) if planes.nucleus is None else planes.nucleus
        image = torch.from_numpy(np.stack([planes.body, nucleus])).to(self._network.device)
        for start in START_SCALES:
            octaves = self._size_octaves(image, start)
            if octaves is not None:
                return self._refine(image, start, octaves)
        return FALLBACK_PX

    def _refine(self, image: torch.Tensor, scale: float, octaves: float) -> float:
        for _ in range(N_REFINEMENTS):
            scale = REFERENCE_PX / _within_limits(REFERENCE_PX / scale * 2**octaves)
            octaves = self._size_octaves(image, scale) or 0.0
            if abs(octaves) < NEAR_OCTAVES:
                break
        measured_px = self._measure(image, scale)
        return _within_limits((measured_px or REFERENCE_PX * 2**octaves) / scale)

    def _measure(self, image: torch.Tensor, scale: float) -> float | None:
        """Median diameter of the masks at a scale, px of that scale; None for fewer than `MIN_CELLS`."""
        areas = []
        for maps in self._predict_windows(image, scale, MEASURE_PX):
            flows = CellposeFlows(maps[:2].cpu().numpy(), maps[2].cpu().numpy(), REFERENCE_PX)
            areas.extend(np.bincount(self._inner.masks(flows, UNCHECKED).ravel())[1:])
        return 2 * math.sqrt(float(np.median(areas)) / math.pi) if len(areas) >= MIN_CELLS else None

    def _size_octaves(self, image: torch.Tensor, scale: float) -> float | None:
        """Median of the sizes predicted at a scale, octaves above 30 px; None where there are no cells."""
        windows = list(self._predict_windows(image, scale, COARSE_PX))
        octaves = torch.cat([maps[3][maps[2] > 0] for maps in windows])
        enough = len(octaves) > MIN_SHARE * sum(maps[2].numel() for maps in windows)
        return float(octaves.median()) if enough else None

    @torch.inference_mode()
    def _predict_windows(self, image: torch.Tensor, scale: float, side_px: int) -> Iterator[torch.Tensor]:
        """Predict the maps of each window, (4, Y, X) float32."""
        for window in spread_windows(image.shape[1:], math.ceil(side_px / scale), N_WINDOWS):
            part = image[:, *window.slices]
            size = [max(1, round(length * scale)) for length in part.shape[1:]]
            rescaled = F.interpolate(part[None], size=size, mode="bilinear")
            yield self._network.predict(rescaled.to(self._network.dtype))[0].float()


def _is_blank(plane: np.ndarray) -> bool:
    """Return whether a plane is noise or uneven light, which at full contrast would look like one huge cell."""
    return find_threshold(plane, SIGMA_PX).empty


def _within_limits(diameter_px: float) -> float:
    return float(np.clip(diameter_px, *LIMITS_PX))
