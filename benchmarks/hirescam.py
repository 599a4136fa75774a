"""HiResCAM of a batch of crops with a linear head, against one call of pytorch-grad-cam per crop.

python -m benchmarks.hirescam
"""

from __future__ import annotations

import argparse
import copy
import tempfile
from pathlib import Path

import numpy as np
import torch

from benchmarks.compare import alternate, paired, report, spread
from benchmarks.embed import VIT_S14, write_encoder
from cellapp.classification.head import LinearHead
from cellapp.classification.novelty import fit_novelty
from cellapp.compute import torchvision_shim
from cellapp.compute.devices import probe_dtype
from cellapp.encoders.dino import HubEncoder
from cellapp.explanation.methods import explain
from cellapp.settings import CropSettings, PreprocessSettings


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


def compare(config: dict, *, n: int = 8, runs: int = 3, dtype: str | None = None, frozen: bool = False) -> dict:
    """Explain the same crops both ways; `frozen` spares the library the gradients of weights."""
    encoder, head, crops, ids = _prepare(config, n, dtype or probe_dtype("cpu"))
    as_loaded = copy.copy(encoder)
    as_loaded.network = copy.deepcopy(encoder.network).requires_grad_(not frozen)
    figures = paired(
        lambda: explain(encoder, head, crops, ids), lambda: library_maps(as_loaded, head, crops), runs=runs
    )
    ours = scaled_like_library(explain(encoder, head, crops, ids).maps, encoder.input_px)
    difference = float(np.abs(ours - library_maps(encoder, head, crops)).max())
    return figures | {
        "n_crops": n,
        "dtype": encoder.dtype,
        "library_frozen": frozen,
        "largest_difference_of_scaled_maps": difference,
    }


def over_inference(config: dict, *, n: int = 16, runs: int = 5) -> dict:
    """Cost of maps over that of the vectors alone."""
    encoder, head, crops, ids = _prepare(config, n, probe_dtype("cpu"))
    rows = alternate((lambda: explain(encoder, head, crops, ids), lambda: encoder.embed(crops, ids)), runs=runs)
    wall, cpu = ([a[clock] / b[clock] for a, b in rows] for clock in (0, 1))
    return {**spread("cost", wall), **spread("cpu_cost", cpu), "n_crops": n, "dtype": encoder.dtype, "runs": runs}


def _prepare(config: dict, n: int, dtype: str) -> tuple[HubEncoder, LinearHead, np.ndarray, np.ndarray]:
    with tempfile.TemporaryDirectory() as scratch:
        folder = write_encoder(Path(scratch), config)
        encoder = HubEncoder(folder, name="benchmark", revision="1", dtype=dtype)
    crops = np.random.default_rng(0).random((n, 3, encoder.input_px, encoder.input_px), np.float32)
    return encoder, random_head(encoder), crops, np.arange(n, dtype=np.int32)


def main() -> None:
    """Measure both claims."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, help="processor cores to use; all when left out")
    parser.add_argument("--frozen", action="store_true", help="freeze the weights the library explains")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    claim = "HiResCAM of crops, linear head, ViT-S/14 at 224 px, against pytorch_grad_cam.HiResCAM once per crop"
    report(claim, ">= 6", **compare(VIT_S14, runs=arguments.runs, frozen=arguments.frozen))
    report("cost of HiResCAM over that of inference alone", "<= 1.2", **over_inference(VIT_S14, runs=arguments.runs))


if __name__ == "__main__":
    main()
