"""Cellpose, version 4 (Pachitariu, Rariden and Stringer 2025) and before, and any network that predicts its flows."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cellapp.images.channels import is_photo
from cellapp.segmentation.cellpose_api import FLOW_SCALE, TILE_PX, TRAINED_DIAMETER_PX, VERSION
from cellapp.segmentation.diameter import SIGMA_PX, resolve_size
from cellapp.segmentation.dynamics import STEPS, drop_inconsistent, follow_flows
from cellapp.segmentation.foreground import find_foreground
from cellapp.segmentation.input_planes import Polarity, select_planes
from cellapp.segmentation.long_cells import divide_long, mend_long, mend_pieces
from cellapp.segmentation.network_tiles import run_small_tiles, run_tiles
from cellapp.segmentation.slide_fit import SlideFit
from cellapp.segmentation.two_populations import join_populations
from cellapp.settings import SegmentSettings
from cellapp.types.image import Role


@dataclass(frozen=True, eq=False)
class CellposeFlows:
    """Output of the network, resized to the image; `CellposeSegmenter.masks` turns it into labels."""

    flow: np.ndarray  # (2, Y, X) float32: rows, columns, towards the middle of the cell
    probability: np.ndarray  # (Y, X) float32: logit of being in a cell
    diameter_px: float
    width_px: float | None = None  # where cells are much longer than wide
    bright: np.ndarray | None = None  # (Y, X) bool: Otsu's foreground, where it shows long cells as a network does
    larger: CellposeFlows | None = None  # of the look for a second population of cells, where there is one


def flow_length(flows: CellposeFlows) -> np.ndarray:
    """Return the length of the flow in each pixel, (Y, X) float32, at most 1, which it has where there is no doubt."""
    return np.minimum(np.hypot(*flows.flow) / FLOW_SCALE, 1)


class CellposeSegmenter:
    """A network of Cellpose's kind: flows from the network, masks from Cellpose's dynamics."""

    fast = False

    def __init__(
        self, weights: Path, backbone: str | None = None, device: str = "cpu", dtype: str = "float32", *, name: str = ""
    ) -> None:
        """Load a Cellpose file; nothing is ever downloaded from here.

        Parameters
        ----------
        weights : Path
            cpsam, cpsam_v2, cpdino, cpdino-vitb; cyto, cyto2, cyto3, nuclei; or a file trained from one of them.
        backbone : {"sam_vitl", "dino_vitl", "dino_vitb"}, optional
            Of a Cellpose 4 file; read from the file when left out.
        device, dtype : str
            As torch names them.
        name : str
            Of the model; the file's stem when left out.

        Raises
        ------
        ModelError
            When the file is missing or no Cellpose file, or dinov3 is needed and not installed.
        """
        from cellapp.segmentation.cellpose_network import load_network  # imports torch

        net = load_network(weights, backbone, device, dtype)
        older = getattr(net, "tile_px", None)
        tile_px = older or TILE_PX[net.backbone]
        self._set_network(net, name or weights.stem, tile_px=tile_px, reads_photos=older is None)
        self._run = run_small_tiles if older else run_tiles

    @classmethod
    def from_network(
        cls, net: Any, name: str, *, tile_px: int = 256, reads_photos: bool = False, fast: bool = False
    ) -> CellposeSegmenter:
        """Use any torch network that predicts Cellpose flows.

        Parameters
        ----------
        net : torch.nn.Module
            Has ``.device`` and ``.dtype``, and where it differs from those of Cellpose 4 ``.diameter_px`` of the cells
            it was trained on and ``.of_nuclei``; maps (N, 3, tile, tile) to (N, 3, tile, tile), flows of rows and
            columns times 5 and the logit of the cell, and (N, 256) that is not used.
        name : str
        tile_px : int
            Side of the squares the network reads.
        reads_photos : bool
            Give it red, green and blue of a photo; else luminance, bright cells, in the first plane.
        fast : bool
            512 x 512 px take less than a second on a CPU.
        """
        segmenter = cls.__new__(cls)
        segmenter._set_network(net, name, tile_px=tile_px, reads_photos=reads_photos)
        segmenter.fast = fast
        return segmenter

    def _set_network(self, net: Any, name: str, *, tile_px: int, reads_photos: bool) -> None:
        self._net = net.eval().requires_grad_(False)
        self._run, self._tile_px, self._reads_photos = run_tiles, tile_px, reads_photos
        self._diameter_px = getattr(net, "diameter_px", TRAINED_DIAMETER_PX)
        self._lock = threading.Lock()  # one network serves many visitors
        self.name = f"cellpose:{name}@{VERSION}"

    def flows(
        self, pixels: np.ndarray, roles: Sequence[Role], settings: SegmentSettings, fit: SlideFit | None = None
    ) -> CellposeFlows:
        """Run the network once.

        Cells are rescaled to the diameter that the network was trained at, 30 px mostly. Intensities are not normalised
        again: they were scaled by the statistics of the whole slide, and others would make a region differ from it.

        Parameters
        ----------
        pixels : ndarray of shape (C, Y, X), float32
            Processed, 0 to 1.
        roles : sequence of Role
        settings : SegmentSettings
            `diameter` in px, or None to estimate it.
        fit : SlideFit, optional
            Of the slide that `pixels` are a tile of.

        Returns
        -------
        CellposeFlows
        """
        size = resolve_size(settings, None, pixels, roles)
        polarity = fit.polarity if fit else None
        image = network_input(self._net, pixels, roles, polarity, reads_photos=self._reads_photos)
        larger_px, width_px = (fit.larger_px, fit.width_px) if fit else (size.larger_px, size.width_px)
        larger = CellposeFlows(*self._maps(image, larger_px), larger_px) if larger_px else None
        level = fit.thresholds.body if fit and fit.width_px and fit.thresholds else None
        bright = find_foreground(image[..., 0], SIGMA_PX, threshold=level).mask() if level else None
        return CellposeFlows(*self._maps(image, size.diameter_px), size.diameter_px, width_px, bright, larger)

    def _maps(self, image: np.ndarray, diameter_px: float) -> tuple[np.ndarray, np.ndarray]:
        """Return flow, (2, Y, X) float32, and logit, (Y, X) float32, with cells of this size scaled to 30 px."""
        scale = max(self._diameter_px / diameter_px, 1 / min(image.shape[:2]))
        with self._lock:
            full = self._run(self._net, image, scale, self._tile_px)
        return np.ascontiguousarray(full[..., :2].transpose(2, 0, 1)), np.ascontiguousarray(full[..., 2])

    def masks(self, flows: CellposeFlows, settings: SegmentSettings) -> np.ndarray:
        """Turn flows into labels by Cellpose's dynamics, without the network.

        Parameters
        ----------
        flows : CellposeFlows
        settings : SegmentSettings
            `flow_threshold`, `cellprob_threshold`, `min_size_px` and `dynamics` count here.

        Returns
        -------
        ndarray of shape (Y, X), int32
            Ids 1..n.
        """
        by_library = settings.dynamics == "cellpose"
        labels = follow_flows(
            flows.flow,
            flows.probability,
            n_steps=max(int(STEPS * flows.diameter_px / self._diameter_px), 1),
            cellprob_threshold=settings.cellprob_threshold,
            min_size_px=settings.min_size_px,
            device=self._net.device,
            by_library=by_library,
        )
        labels = drop_inconsistent(
            labels, flows.flow, flows.diameter_px, flow_threshold=settings.flow_threshold, by_library=by_library
        )
        if flows.larger:
            return join_populations(labels, self.masks(flows.larger, settings))
        if not flows.width_px:
            return labels
        if flows.bright is not None:
            return mend_pieces(labels, divide_long(flows.bright, flows.width_px), settings.min_size_px)
        return mend_long(labels, flows.probability > settings.cellprob_threshold, flows.width_px, settings.min_size_px)


def network_input(
    net: Any, pixels: np.ndarray, roles: Sequence[Role], polarity: Polarity | None = None, *, reads_photos: bool = False
) -> np.ndarray:
    """Return what a network reads, (Y, X, 3) float32: cells, nuclei, zeros; or the colours of a photo.

    Parameters
    ----------
    net : torch.nn.Module
        See `CellposeSegmenter.from_network`.
    pixels : ndarray of shape (C, Y, X), float32
        Processed, 0 to 1.
    roles : sequence of Role
    polarity : Polarity, optional
        Of the slide that `pixels` are a tile of.
    reads_photos : bool
        Whether it is given red, green and blue of a photo.
    """
    if reads_photos and is_photo(roles):
        return np.ascontiguousarray(pixels.transpose(1, 2, 0), dtype=np.float32)
    planes = select_planes(pixels, roles, polarity)
    image = np.zeros((*planes.body.shape, 3), np.float32)
    of_nuclei = planes.nucleus is not None and getattr(net, "of_nuclei", False)
    image[..., 0] = planes.nucleus if of_nuclei else planes.body
    if planes.nucleus is not None and not of_nuclei:
        image[..., 1] = planes.nucleus
    return image
