"""Segment a large image in tiles, against CellposeModel.eval of the same network on the whole image.

python -m benchmarks.tiles [--side 8192] [--keep DIR]
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from benchmarks.child import Spent, run
from benchmarks.compare import report
from cellapp.compute import torchvision_shim
from cellapp.compute.devices import probe_device, probe_dtype
from cellapp.images.channels import describe_slide
from cellapp.images.preprocess import Preprocessor
from cellapp.images.read import open_slide
from cellapp.models.load import load_model
from cellapp.models.registry import registry
from cellapp.pipeline.segment_slide import segment_image
from cellapp.segmentation.flow_unet_io import load_network
from cellapp.segmentation.input_planes import select_planes
from cellapp.segmentation.metrics import f1_score
from cellapp.settings import AnalyseSettings
from cellapp.types.image import Slide

DIAMETER_PX = 56  # of the synthetic cells; both sides are told


def in_tiles(slide: Slide, tile_px: int) -> np.ndarray:
    """Ours: tiles on disk, labels mapped from a file."""
    settings = {"segmenter": "compact", "diameter": DIAMETER_PX, "tile_px": tile_px}
    return segment_image(slide, load_model("compact"), AnalyseSettings.model_validate({"segment": settings})).labels


def at_once(slide: Slide) -> np.ndarray:
    """Theirs: the same network in Cellpose's own model, given the same processed planes of the whole image."""
    torchvision_shim.install()
    from cellpose.models import CellposeModel

    device = probe_device("auto")
    network = load_network(registry()["compact"].folder).to(device, getattr(torch, probe_dtype(device, "auto")))
    model = CellposeModel.__new__(CellposeModel)  # its own constructor knows no network but its own
    model.net, model.backbone = network.to(memory_format=torch.channels_last).eval(), "sam_vitl"
    model.device = model.net.device
    described, roles, _ = describe_slide(slide, AnalyseSettings())
    planes = select_planes(Preprocessor.fit(described, AnalyseSettings().preprocess).apply(described.region()), roles)
    image = np.zeros((*planes.body.shape, 3), np.float32)
    image[..., 0], image[..., 1] = planes.body, planes.nucleus
    del planes
    masks, _, _ = model.eval(image, channel_axis=-1, normalize=False, diameter=DIAMETER_PX, max_size_fraction=1.0)
    return masks


def compare(folder: Path, side_px: int, tile_px: int) -> dict:
    """Run both sides in processes of their own, and match their cells."""
    slide = folder / str(side_px) / "demo.tif"
    if not slide.exists():
        run("cellapp", ["demo", "--out", slide.parent, "--size", f"{side_px}x{side_px}", "--dtype", "uint8"])
    ours, theirs = (_one(side, slide, folder, tile_px) for side in ("tiles", "whole"))
    labels = [np.load(folder / f"{side}.npy") for side in ("tiles", "whole")]
    return {
        "ratio": ours.said["wall_s"] / theirs.said["wall_s"],
        "cpu_ratio": ours.said["cpu_s"] / theirs.said["cpu_s"],
        "peak_ratio": ours.peak_mb / theirs.peak_mb,
        "peak_mb": [ours.peak_mb, theirs.peak_mb],
        "f1_at_iou_0.8": f1_score(*labels, 0.8),
        "n_cells": [int(each.max()) for each in labels],
        "ours_s": ours.said["wall_s"],
        "theirs_s": theirs.said["wall_s"],
    }


def main(arguments: list[str] | None = None) -> None:
    """Measure the claim, or one side of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=8192, help="px of the square image")
    parser.add_argument("--tile-px", type=int, default=AnalyseSettings().segment.tile_px)
    parser.add_argument("--keep", type=Path, help="folder that keeps the image and both label images")
    parser.add_argument("--only", choices=["tiles", "whole"], help=argparse.SUPPRESS)
    parser.add_argument("--slide", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.only:
        _do(chosen.only, chosen.slide, chosen.keep, chosen.tile_px)
        return
    with tempfile.TemporaryDirectory() as scratch:
        figures = compare(chosen.keep or Path(scratch), chosen.side, chosen.tile_px)
    claim = f"segment {chosen.side} x {chosen.side} in tiles, over CellposeModel.eval of the same network on the whole"
    report(claim, "<= 0.7 the time, <= 0.25 the peak memory, F1 >= 0.99", **figures)


def _one(side: str, slide: Path, folder: Path, tile_px: int) -> Spent:
    return run("benchmarks.tiles", ["--only", side, "--slide", slide, "--keep", folder, "--tile-px", tile_px])


def _do(side: str, path: Path, folder: Path, tile_px: int) -> None:
    slide = open_slide(path)
    start, cpu = time.perf_counter(), time.process_time()
    labels = in_tiles(slide, tile_px) if side == "tiles" else at_once(slide)
    spent = {"wall_s": time.perf_counter() - start, "cpu_s": time.process_time() - cpu}
    np.save(folder / f"{side}.npy", labels)
    print(json.dumps(spent))


if __name__ == "__main__":
    main()
