"""How well the bundled network does at one size of cells: windows of an image are segmented as if cells had it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from cellapp.images.sampling import spread_windows
from cellapp.segmentation.cellpose import CellposeFlows, flow_length
from cellapp.segmentation.diameter import SIGMA_PX
from cellapp.segmentation.dynamics import drop_inconsistent
from cellapp.segmentation.flow_unet import REFERENCE_PX, FlowNetwork
from cellapp.segmentation.foreground import find_foreground
from cellapp.segmentation.input_planes import select_planes
from cellapp.segmentation.label_image import resize_labels
from cellapp.settings import SegmentSettings
from cellapp.types.image import Region, Role

N_WINDOWS = 2  # each way, spread over images that are larger
MIN_CELLS = 3  # whose median diameter is preferred to the size the network predicts
MIN_SHARE = 0.002  # of the pixels must be cell for a size to be taken from them
SPECK_PX = 15  # masks of fewer pixels are not measured, whatever a run drops in the end; those of grain are small
UNCHECKED = SegmentSettings(flow_threshold=0, min_size_px=SPECK_PX)  # a median diameter needs no check of each mask
CHECKED = SegmentSettings(min_size_px=SPECK_PX)
IMPURE = 1.25  # ratio of median diameters before and after the check from which on rims and pieces are in the former
ALIKE = 1.67  # ratio of the size of masks to the size looked for up to which they agree


@dataclass(frozen=True)
class Trial:
    """How well a diameter does."""

    diameter_px: float
    sound: float  # share of the foreground and of all masks that is in masks whose flows agree with their shape
    seen: float  # overlap of the network's foreground with Otsu's, intersection over union
    covered: float = 0.0  # share of the image in sound masks
    flow: float = 0.0  # mean length of the flow in the network's foreground, 1 where it has no doubt
    measured_px: float | None = None  # of the masks, where there are some
    n_cells: int = 0  # sound masks

    @property
    def agrees(self) -> bool:
        """Whether the masks are of the size that was looked for."""
        return self.n_cells >= MIN_CELLS and 1 / ALIKE <= (self.measured_px or 0) / self.diameter_px <= ALIKE


class SizeTrials:
    """The planes of one image, and what the network finds in windows of them at any size."""

    def __init__(
        self,
        network: FlowNetwork,
        masks: Callable[[CellposeFlows, SegmentSettings], np.ndarray],
        pixels: np.ndarray,
        roles: Sequence[Role],
    ) -> None:
        """Prepare the planes; parameters are those of `cellapp.segmentation.network_size.SizeFinder`."""
        self._network, self._masks = network, masks
        planes = select_planes(pixels, roles)
        self.body, self.foreground = planes.body, find_foreground(planes.body, SIGMA_PX)
        self._planes = [planes.body, planes.nucleus]

    def at(self, scale: float, side_px: int) -> Trial:
        """Segment windows at a scale."""
        every, sound, sums = [], [], np.zeros(8)
        for window, maps in self._predict_windows(scale, side_px):
            flows = CellposeFlows(maps[:2].cpu().numpy(), maps[2].cpu().numpy(), REFERENCE_PX)
            labels = self._masks(flows, UNCHECKED)
            checked = drop_inconsistent(labels, flows.flow, REFERENCE_PX, flow_threshold=CHECKED.flow_threshold)
            every.extend(np.bincount(labels.ravel())[1:])
            sound.extend(np.bincount(checked.ravel())[1:])
            bright = resize_labels(self.foreground.mask()[window.slices].astype(np.int32), labels.shape) > 0
            sums += _pixel_sums(flows, checked > 0, bright)
        shares = [float(part / max(whole, 1)) for part, whole in sums.reshape(4, 2)]
        return Trial(REFERENCE_PX / scale, *shares, _measured(every, sound, scale), len(sound))

    def octaves(self, scale: float, side_px: int) -> float | None:
        """Median of the sizes predicted at a scale, octaves above 30 px; None where there are no cells."""
        windows = [maps for _, maps in self._predict_windows(scale, side_px)]
        octaves = torch.cat([maps[3][maps[2] > 0] for maps in windows])
        enough = len(octaves) > MIN_SHARE * sum(maps[2].numel() for maps in windows)
        return float(octaves.median()) if enough else None

    @torch.inference_mode()
    def _predict_windows(self, scale: float, side_px: int) -> Iterator[tuple[Region, torch.Tensor]]:
        """Predict the maps of each window, (4, Y, X) float32."""
        for window in spread_windows(self.body.shape, math.ceil(side_px / scale), N_WINDOWS):
            part = np.zeros((2, window.height, window.width), np.float32)
            for shown, plane in zip(part, self._planes, strict=True):
                if plane is not None:
                    shown[...] = plane[window.slices]
            size = [max(1, round(length * scale)) for length in part.shape[1:]]
            rescaled = F.interpolate(torch.from_numpy(part)[None].to(self._network.device), size=size, mode="bilinear")
            yield window, self._network.predict(rescaled.to(self._network.dtype))[0].float()


def _pixel_sums(flows: CellposeFlows, sound: np.ndarray, bright: np.ndarray) -> np.ndarray:
    """Return pixels for the four shares of a `Trial`, part and whole of each in turn, (8,) float."""
    seen = flows.probability > 0
    shares = ((sound & bright, bright), (seen & bright, seen | bright), (sound, np.ones_like(sound)))
    length = flow_length(flows)[seen].sum()
    return np.array([*(pixels.sum() for share in shares for pixels in share), length, seen.sum()], float)


def _measured(areas: list[int], checked: list[int], scale: float) -> float | None:
    """Return the median diameter of masks, px of the image; of those that pass the check where others are impure.

    Where most are specks, as in grain, the others are measured.
    """
    least = SPECK_PX * scale**2
    if areas and np.median(areas) < least:
        areas, checked = ([area for area in of if area >= least] for of in (areas, checked))
    if len(areas) < MIN_CELLS:
        return None
    every, sound = (2 * math.sqrt(float(np.median(part or areas)) / math.pi) for part in (areas, checked))
    pure = len(checked) < MIN_CELLS or 1 / IMPURE <= sound / every <= IMPURE
    return (every if pure else sound) / scale
