"""Masks of flows by less work against `cellpose.dynamics`, on every validation image; and flows of masks.

python -m benchmarks.dynamics --data DIR
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import numpy as np
import torch

from benchmarks.compare import paired, report, spread
from benchmarks.segment import compact
from cellapp.compute import torchvision_shim
from cellapp.images.channels import assign_channels
from cellapp.images.preprocess import Preprocessor
from cellapp.segmentation.label_image import relabel
from cellapp.segmentation.mask_flows import mask_flows
from cellapp.segmentation.metrics import f1_score
from cellapp.settings import PreprocessSettings, SegmentSettings
from cellapp.synthetic.field import render_field
from cellapp.synthetic.settings import SyntheticSettings
from cellapp.training.segmenter.labelled_image import LabelledImage
from cellapp.training.segmenter.source_images import read_labelled_images

OURS, LIBRARY = SegmentSettings(), SegmentSettings(dynamics="cellpose")


def of_image(segmenter: object, image: LabelledImage) -> dict[str, float]:
    """Compare both on the flows that the bundled network draws of an image."""
    pixels = Preprocessor.fit(image.slide, PreprocessSettings()).apply(image.slide.region())
    flows = segmenter.flows(pixels, assign_channels(image.slide.info, {})[1], OURS)
    ours, theirs = (partial(segmenter.masks, flows, settings) for settings in (OURS, LIBRARY))
    made = ours()
    figures = {"f1": f1_score(made, theirs(), 0.9), **paired(ours, theirs, runs=1)}
    return figures | {"cells": int(made.max()), "targets": targets(image.labels)}


def against_library_targets(*, side_px: int) -> float:
    """Compare on the truth of a synthetic field."""
    return targets(relabel(render_field(SyntheticSettings(height=side_px, width=side_px, um_per_px=0.5))[1]))


def targets(labels: np.ndarray) -> float:
    """Return how many times the processor time of `mask_flows` the library takes for the flows of masks."""
    torchvision_shim.install()
    from cellpose.dynamics import masks_to_flows_gpu

    if not labels.any():
        return 1.0
    theirs = partial(masks_to_flows_gpu, labels.astype(np.int64))
    return paired(lambda: mask_flows(labels), theirs, runs=1)["cpu_ratio"]


def main() -> None:
    """Print ratios of processor time over the images, and the least agreement of any."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with dsb2018 and usiigaci")
    parser.add_argument("--synthetic", type=int, default=8, help="synthetic fields beside them")
    parser.add_argument("--threads", type=int, default=1, help="processor cores to use")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    segmenter = compact()
    found = [of_image(segmenter, image) for image in read_labelled_images(arguments.data, "val", arguments.synthetic)]
    each = {name: [one[name] for one in found] for name in found[0]}
    total = sum(each["theirs_median_s"]) / sum(each["ours_median_s"])
    report(
        "masks of flows and the flow check, against cellpose.dynamics at the same scale",
        ">= 3, F1 >= 0.999 at IoU 0.9",
        **spread("cpu_ratio", each["cpu_ratio"]),
        ratio_of_sums=total,
        least_f1=min(each["f1"]),
        images_that_differ=sum(f1 < 1 for f1 in each["f1"]),
        n_images=len(found),
        n_cells=sum(each["cells"]),
    )
    report("flows of masks, against cellpose's", "no target", **spread("cpu_ratio", each["targets"]))


if __name__ == "__main__":
    main()
