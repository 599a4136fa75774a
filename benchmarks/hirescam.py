"""HiResCAM of crops and a linear head in batches, against a call of pytorch-grad-cam per crop; and of a whole run.

python -m benchmarks.hirescam
"""

from __future__ import annotations

import argparse
import copy
import tempfile
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
import tifffile
import torch
from scipy.special import expit

from benchmarks.compare import alternate, paired, report, spread
from benchmarks.embed import VIT_S14, write_encoder
from cellapp.cells.measure import measure
from cellapp.cells.quality import assess
from cellapp.classification.head import LinearHead
from cellapp.classification.novelty import fit_novelty
from cellapp.classification.predict import predict
from cellapp.compute import torchvision_shim
from cellapp.compute.devices import probe_dtype
from cellapp.encoders.dino import HubEncoder
from cellapp.explanation.methods import explain
from cellapp.images.read import open_slide
from cellapp.models.bundle import load_run_models
from cellapp.pipeline.checkpoint import temporary_checkpoint
from cellapp.pipeline.context import ImageContext, make_context, run_serially
from cellapp.pipeline.embed_cells import embed_cells
from cellapp.pipeline.explain_cells import ExplainedCells, explain_cells
from cellapp.segmentation.label_image import relabel
from cellapp.settings import AnalyseSettings, CropSettings, PreprocessSettings
from cellapp.synthetic.settings import SyntheticSettings
from cellapp.synthetic.write import write_demo
from cellapp.types.cells import LabelMask, Predictions

_WARM_UP = 8  # crops
_CELLS_PER_PX2 = 40 / 512**2  # of a synthetic slide


def random_head(encoder: HubEncoder) -> LinearHead:
    """Make an untrained head; speed does not depend on the weights."""
    rng = np.random.default_rng(0)
    n_features, classes = 2 * encoder.dim, ("cancer", "normal")
    return LinearHead(
        name="benchmark",
        weight=rng.normal(size=(2, n_features)).astype(np.float32),
        bias=np.zeros(2, np.float32),
        mean=np.zeros(n_features, np.float32),
        std=np.ones(n_features, np.float32),
        classes=classes,
        encoder=encoder.identity,
        positive=classes[0],
        crop=CropSettings(),
        preprocess=PreprocessSettings(),
        trained_on="Nothing.",
        novelty=fit_novelty(rng.normal(size=(8, n_features)), np.arange(8) % 2, 2),
    )


def library_maps(encoder: HubEncoder, head: LinearHead, crops: np.ndarray) -> np.ndarray:
    """Call ``pytorch_grad_cam.HiResCAM`` at the final norm, crop by crop; (N, S, S), each scaled to 0..1 by itself.

    Works with frozen weights too, but the library's own examples take a network as it was loaded, unfrozen.
    """
    torchvision_shim.install()
    from pytorch_grad_cam import HiResCAM

    def to_grid(tokens: torch.Tensor) -> torch.Tensor:
        return tokens[:, encoder.n_prefix :].transpose(1, 2).reshape(len(tokens), encoder.dim, *encoder.grid)

    norm = getattr(encoder.network, "norm", None) or encoder.network.layernorm
    maps = []
    with HiResCAM(_Logit(encoder, head), [norm], reshape_transform=to_grid) as cam:
        for crop in torch.from_numpy(crops):
            maps.append(cam(crop[None].requires_grad_(True), None)[0])  # weights are frozen, the input is not
    return np.stack(maps)


def scaled_like_library(maps: np.ndarray, side_px: int) -> np.ndarray:
    """Clip negatives, enlarge and scale each map to 0..1, before and after enlarging, as the library does."""
    torchvision_shim.install()
    from pytorch_grad_cam.utils.image import scale_cam_image

    return scale_cam_image(scale_cam_image(np.maximum(maps, 0), (side_px, side_px)))


class _Logit(torch.nn.Module):
    """Encoder and head as one network with one output, (N, 1)."""

    def __init__(self, encoder: HubEncoder, head: LinearHead) -> None:
        super().__init__()
        self.encoder, self.network = encoder, encoder.network
        weight, self.bias = head.contrast(head.positive)
        self.weight = torch.tensor(weight, dtype=torch.float32)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        tokens = self.encoder.tokens(pixels)
        features = torch.cat([tokens[:, 0], tokens[:, self.encoder.n_prefix :].mean(dim=1)], dim=1)
        return (features @ self.weight + self.bias)[:, None]


def compare(config: dict, *, n: int = 256, runs: int = 8, dtype: str | None = None, frozen: bool = False) -> dict:
    """Explain the same crops both ways, in `runs` parts by turns; `frozen` spares the library gradients of weights."""
    encoder, head, crops, ids = _prepare(config, n, dtype or probe_dtype("cpu"))
    as_loaded = copy.copy(encoder)
    as_loaded.network = copy.deepcopy(encoder.network).requires_grad_(not frozen)
    few = slice(0, min(n, _WARM_UP))
    ours, theirs = (iter([few, *_parts(n, runs)]) for _ in range(2))

    def ours_next() -> None:
        rows = next(ours)
        explain(encoder, head, crops[rows], ids[rows])

    figures = paired(ours_next, lambda: library_maps(as_loaded, head, crops[next(theirs)]), runs=runs)
    scaled = scaled_like_library(explain(encoder, head, crops[few], ids[few]).maps, encoder.input_px)
    difference = float(np.abs(scaled - library_maps(encoder, head, crops[few])).max())
    return figures | {
        "n_crops": n,
        "dtype": encoder.dtype,
        "library_frozen": frozen,
        "largest_difference_of_scaled_maps": difference,
    }


def _parts(n: int, runs: int) -> list[slice]:
    return [slice(n * k // runs, n * (k + 1) // runs) for k in range(runs)]


def over_inference(config: dict, *, n: int = 32, runs: int = 5) -> dict:
    """Cost of maps over that of the vectors alone."""
    encoder, head, crops, ids = _prepare(config, n, probe_dtype("cpu"))
    rows = alternate((lambda: explain(encoder, head, crops, ids), lambda: encoder.embed(crops, ids)), runs=runs)
    wall, cpu = ([a[clock] / b[clock] for a, b in rows] for clock in (0, 1))
    return {**spread("cost", wall), **spread("cpu_cost", cpu), "n_crops": n, "dtype": encoder.dtype, "runs": runs}


def over_classifying(*, n: int = 1_000, runs: int = 3) -> dict:
    """Cost of maps and places of every cell of a run over that of its classes, by the head that ships.

    Both cut the cells of a synthetic slide, whose outlines are those it was drawn with.
    """
    with tempfile.TemporaryDirectory() as scratch:
        context, mask, cells = _run(Path(scratch), n)
        classify, explain_all = partial(_classified, context, mask, cells), partial(_explained, context, mask, cells)
        rows = alternate((explain_all, classify), runs=runs)
        p = expit(explain_all().explanations.logits)
        difference = float(np.abs(p - classify().probabilities[:, 0]).max())
    wall, cpu = ([a[clock] / b[clock] for a, b in rows] for clock in (0, 1))
    seconds = dict(zip(("explain_s", "classify_s"), (median(row[i][0] for row in rows) for i in (0, 1)), strict=True))
    figures = {**spread("cost", wall), **spread("cpu_cost", cpu), **seconds, "n_cells": len(cells), "runs": runs}
    return figures | {"largest_difference_of_p": difference}


def _run(folder: Path, n: int) -> tuple[ImageContext, LabelMask, pd.DataFrame]:
    """Return a slide with its true outlines, and the first `n` of its cells that are whole."""
    side = int(np.sqrt(n / _CELLS_PER_PX2)) // 8 * 8 + 64
    files = write_demo(folder, SyntheticSettings(height=side, width=side, seed=1))
    settings, slide = AnalyseSettings(), open_slide(files.slide)
    context = make_context(slide, None, load_run_models(settings), settings)
    mask = LabelMask(relabel(tifffile.imread(files.labels).astype(np.int32)), "truth")
    cells = measure(slide, mask, channels=slide.info.channels)
    cells = assess(cells, mask, slide, settings.quality)
    return context, mask, cells[cells["qc_pass"]].head(n)


def _classified(context: ImageContext, mask: LabelMask, cells: pd.DataFrame) -> Predictions:
    with temporary_checkpoint() as checkpoint:
        vectors = embed_cells(
            context, mask, cells, checkpoint, run_serially(context), on_step=lambda *_: None, span=(0.0, 1.0)
        )
    return predict(context.models.head, vectors, context.settings.classify)


def _explained(context: ImageContext, mask: LabelMask, cells: pd.DataFrame) -> ExplainedCells:
    return explain_cells(context, mask, cells, channel_effects=False)


def _prepare(config: dict, n: int, dtype: str) -> tuple[HubEncoder, LinearHead, np.ndarray, np.ndarray]:
    with tempfile.TemporaryDirectory() as scratch:
        folder = write_encoder(Path(scratch), config)
        encoder = HubEncoder(folder, name="benchmark", revision="1", dtype=dtype)
    crops = np.random.default_rng(0).random((n, 3, encoder.input_px, encoder.input_px), np.float32)
    return encoder, random_head(encoder), crops, np.arange(n, dtype=np.int32)


def main() -> None:
    """Measure the three claims."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--crops", type=int, default=256, help="explained one by one by the library, which takes minutes"
    )
    parser.add_argument("--threads", type=int, help="processor cores to use; all when left out")
    parser.add_argument("--frozen", action="store_true", help="freeze the weights the library explains")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    claim = "HiResCAM of crops, linear head, ViT-S/14 at 224 px, against pytorch_grad_cam.HiResCAM once per crop"
    report(claim, ">= 6", **compare(VIT_S14, n=arguments.crops, frozen=arguments.frozen))
    report("cost of HiResCAM over that of inference alone", "<= 1.2", **over_inference(VIT_S14))
    report("cost of maps of 1,000 cells of a run over that of their classes", "<= 1.5", **over_classifying())


if __name__ == "__main__":
    main()
