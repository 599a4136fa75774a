"""Hold networks of Cellpose 1 to 3 to the `cellpose` package of version 3, which the program does not install.

python -m venv older && older/bin/pip install torch==2.13.0 cellpose==3.1.1.2
python -m benchmarks.older_cellpose --with older/bin/python

A file of random weights and three images are run by both; the largest difference of the flows and whether masks are
equal are printed. On a CPU cellpose 3 reads flows half a pixel from where it reads them on a graphics card; Cellpose 4
kept the latter, so its steps are what is run here. Flows of random weights lead nowhere: any difference would show.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.compare import report

SHAPES = ((512, 512), (300, 431), (150, 190))
DIAMETERS_PX = (30.0, 22.0, 41.0)
_OLDER = """
import inspect, sys
import numpy as np
from cellpose import dynamics
from cellpose.models import CellposeModel
steps = inspect.getsource(dynamics.steps_interp)
assert 'device.type == "cuda"' in steps
exec(steps.replace('device.type == "cuda"', 'device.type == "cpu"'), vars(dynamics))
folder, diameters = sys.argv[1], [float(text) for text in sys.argv[2].split(",")]
model = CellposeModel(gpu=False, pretrained_model=f"{folder}/weights")
for i, diameter in enumerate(diameters):
    image, level = np.load(f"{folder}/{i}.npy"), float(np.load(f"{folder}/{i}_level.npy"))
    masks, flows, _ = model.eval(
        image, channels=[1, 2], normalize=False, diameter=diameter, flow_threshold=0.0, cellprob_threshold=level,
        min_size=15, max_size_fraction=1.0,
    )
    np.savez(f"{folder}/{i}_older.npz", masks=masks, flow=flows[1], logit=flows[2])
"""


def main() -> None:
    """Run both and print how they differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--with", dest="older", required=True, metavar="PYTHON", help="Has cellpose 3.")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report(
            "Networks of Cellpose 1 to 3 answer as in cellpose 3",
            "flows within 1e-4, equal masks",
            **compare(Path(folder), chosen.older),
        )


def compare(folder: Path, older: str) -> dict[str, object]:
    """Write weights and images, run both, and return the largest differences."""
    from cellapp.segmentation.cellpose import CellposeSegmenter
    from cellapp.settings import SegmentSettings
    from cellapp.types.image import Role

    segmenter, roles = CellposeSegmenter(write_weights(folder / "weights")), (Role.CYTOPLASM, Role.NUCLEUS)
    ours = []
    for i, (shape, diameter) in enumerate(zip(SHAPES, DIAMETERS_PX, strict=True)):
        image = draw(shape, seed=i)
        settings = SegmentSettings(diameter=diameter, flow_threshold=0.0, min_size_px=15)
        flows = segmenter.flows(image, roles, settings)
        level = float(np.median(flows.probability))
        ours.append((flows, segmenter.masks(flows, settings.model_copy(update={"cellprob_threshold": level}))))
        np.save(folder / f"{i}.npy", image.transpose(1, 2, 0))
        np.save(folder / f"{i}_level.npy", level)
    words = [older, "-c", _OLDER, str(folder), ",".join(map(str, DIAMETERS_PX))]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    return _differences(ours, [np.load(folder / f"{i}_older.npz") for i in range(len(SHAPES))])


def write_weights(path: Path, seed: int = 0) -> Path:
    """Write a file as cellpose 3 does, of random weights; running means and variances are drawn, too."""
    import torch

    from cellapp.segmentation.residual_unet import ResidualUNet

    torch.manual_seed(seed)
    net = ResidualUNet()
    for layer in net.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.running_mean.normal_(std=0.2)
            layer.running_var.uniform_(0.5, 2.0)
    torch.save(net.state_dict(), path)
    return path


def draw(shape: tuple[int, int], seed: int) -> np.ndarray:
    """Return cells and nuclei of a synthetic slide, (2, Y, X) float32 from 0 to 1."""
    from cellapp.synthetic.field import render_field
    from cellapp.synthetic.settings import SyntheticSettings

    pixels, *_ = render_field(SyntheticSettings(height=shape[0], width=shape[1], seed=seed))
    planes = pixels[[1, 2]].astype(np.float32)
    return planes / planes.max(axis=(1, 2), keepdims=True)


def _differences(ours: list, theirs: list) -> dict[str, object]:
    flow = [np.abs(flows.flow - of["flow"]).max() for (flows, _), of in zip(ours, theirs, strict=True)]
    logit = [np.abs(flows.probability - of["logit"]).max() for (flows, _), of in zip(ours, theirs, strict=True)]
    same = [_same_partition(masks, of["masks"]) for (_, masks), of in zip(ours, theirs, strict=True)]
    return {
        "largest_difference_of_flows": [float(f"{value:.2g}") for value in flow],
        "largest_difference_of_logits": [float(f"{value:.2g}") for value in logit],
        "masks": [int(masks.max()) for _, masks in ours],
        "masks_of_cellpose_3": [int(of["masks"].max()) for of in theirs],
        "masks_equal": same,
        "shapes": [list(shape) for shape in SHAPES],
        "diameters_px": list(DIAMETERS_PX),
    }


def _same_partition(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two label images hold the same masks, whatever their numbers."""
    pairs = np.unique(np.stack([one.ravel(), other.ravel()]).astype(np.int64), axis=1)
    return len(pairs.T) == len(np.unique(one)) == len(np.unique(other))


if __name__ == "__main__":
    main()
