"""The bundled segmenter in its fast form against float32 without channels_last, Cellpose's own check, and classical.

python -m benchmarks.segment            # the quick ones
python -m benchmarks.segment --cpsam    # against the network of Cellpose-SAM, minutes of two cores and 4 GB of memory
"""

from __future__ import annotations

import argparse

import numpy as np
import torch

from benchmarks.compare import paired, report, seconds, spread
from cellapp.compute.devices import probe_device, probe_dtype
from cellapp.config import REPOSITORY
from cellapp.images.preprocess import Preprocessor
from cellapp.segmentation.cellpose import CellposeSegmenter
from cellapp.segmentation.cellpose_api import TILE_PX, TRAINED_DIAMETER_PX, empty_network
from cellapp.segmentation.classical import Classical
from cellapp.segmentation.compact import CompactSegmenter
from cellapp.segmentation.dynamics import STEPS
from cellapp.segmentation.flow_unet_io import load_network
from cellapp.segmentation.metrics import f1_score
from cellapp.segmentation.run_segmenter import segment
from cellapp.settings import PreprocessSettings, SegmentSettings
from cellapp.synthetic.field import as_slide, render_field
from cellapp.synthetic.settings import SyntheticSettings
from cellapp.types.image import Role
from cellapp.types.protocols import Segmenter

FOLDER = REPOSITORY / "models" / "compact"
ROLES = (Role.CYTOPLASM, Role.OTHER, Role.NUCLEUS)


def field(side_px: int) -> np.ndarray:
    """Processed pixels of a synthetic field of whole cells, (3, side, side) float32."""
    settings = SyntheticSettings(height=side_px, width=side_px, um_per_px=0.5)
    slide = as_slide(render_field(settings)[0], settings)
    return Preprocessor.fit(slide, PreprocessSettings()).apply(slide.region())


def number_formats(*, side_px: int = 512, runs: int = 5) -> dict[str, object]:
    """The network as it runs here against float32 in torch's usual memory format; one forward pass."""
    dtype = probe_dtype(probe_device())
    usual = load_network(FOLDER)
    ours = load_network(FOLDER).to(dtype=getattr(torch, dtype), memory_format=torch.channels_last)
    pixels = torch.from_numpy(field(side_px)[None, :2].copy())
    with torch.inference_mode():
        fast = ours.predict(pixels.to(ours.dtype)).float()[:, 2] > 0
        slow = usual.predict(pixels)[:, 2] > 0
        figures = paired(lambda: ours.predict(pixels.to(ours.dtype)), lambda: usual.predict(pixels), runs=runs)
    return {**figures, "dtype": dtype, "same_foreground": float((fast == slow).float().mean()), "side_px": side_px}


def flow_check(*, side_px: int = 512, runs: int = 3) -> dict[str, object]:
    """Masks with the flow check at the scale of small cells against Cellpose's at the size of the image."""
    segmenter, pixels = compact(), field(side_px)
    settings = SegmentSettings(diameter=segmenter.estimate_size(pixels, ROLES).diameter_px)
    flows = segmenter.flows(pixels, ROLES, settings)

    def theirs() -> np.ndarray:
        from cellpose.dynamics import resize_and_compute_masks

        return resize_and_compute_masks(
            flows.flow,
            flows.probability,
            niter=max(int(STEPS * flows.diameter_px / TRAINED_DIAMETER_PX), 1),
            flow_threshold=settings.flow_threshold,
            min_size=settings.min_size_px,
            max_size_fraction=1.0,
        ).astype(np.int32)

    agreement = f1_score(segmenter.masks(flows, settings), theirs(), 0.8)
    figures = paired(lambda: segmenter.masks(flows, settings), theirs, runs=runs)
    return {**figures, "f1_at_iou_0.8": agreement, "diameter_px": flows.diameter_px, "side_px": side_px}


def against_classical(*, side_px: int = 1024, runs: int = 3) -> dict[str, object]:
    """Everything between processed pixels and labels, the diameter found, against the classical segmenter."""
    ours, theirs, pixels = compact(), Classical(), field(side_px)
    figures = paired(lambda: found(ours, pixels), lambda: found(theirs, pixels), runs=runs)
    return {**figures, "side_px": side_px}


def against_cpsam(*, side_px: int = 1024, runs: int = 1) -> dict[str, object]:
    """Flows of one image, its diameter given, against Cellpose 4's largest network, whose weights cost the same drawn.

    No warm-up of that network: it takes minutes, and what a first pass prepares takes seconds.
    """
    device = probe_device()
    dtype = getattr(torch, probe_dtype(device))
    network = empty_network("sam_vitl", dtype).to(device=torch.device(device), dtype=dtype)
    theirs = CellposeSegmenter.from_network(network, "cpsam", tile_px=TILE_PX["sam_vitl"], reads_photos=True)
    ours, pixels, settings = compact(), field(side_px), SegmentSettings(diameter=TRAINED_DIAMETER_PX)
    ours.flows(pixels, ROLES, settings)
    pairs = [
        [seconds(lambda one=one: one.flows(pixels, ROLES, settings)) for one in (ours, theirs)] for _ in range(runs)
    ]
    wall, cpu = ([b[clock] / a[clock] for a, b in pairs] for clock in (0, 1))
    return {**spread("ratio", wall), **spread("cpu_ratio", cpu), "runs": runs, "side_px": side_px}


def compact() -> CompactSegmenter:
    """The bundled segmenter as this machine runs it."""
    device = probe_device()
    return CompactSegmenter(FOLDER, device=device, dtype=probe_dtype(device))


def found(segmenter: Segmenter, pixels: np.ndarray) -> np.ndarray:
    """Labels with every setting at its default."""
    return segment(pixels, ROLES, segmenter, SegmentSettings()).labels


def main() -> None:
    """Measure the first three, or the one that takes minutes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cpsam", action="store_true")
    if parser.parse_args().cpsam:
        report("bundled network against that of Cellpose-SAM, 1024 x 1024", "no target", **against_cpsam())
        return
    report("one pass of the bundled network against float32, contiguous", ">= 1", **number_formats())
    report("masks from flows against Cellpose's check at full size", ">= 3, F1 >= 0.98", **flow_check())
    report("bundled segmenter against classical, 1024 x 1024", "no target", **against_classical())


if __name__ == "__main__":
    main()
