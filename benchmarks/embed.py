"""Embed crops on the CPU, against the usual loop: image processor and float32 network, 32 at a time.

python -m benchmarks.embed
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from benchmarks.compare import alternate, paired, report, spread
from cellapp.compute import torchvision_shim
from cellapp.compute.devices import probe_dtype
from cellapp.encoders.dino import HubEncoder
from cellapp.encoders.hf_network import blank_network

VIT_S14 = {
    "model_type": "dinov2",
    "hidden_size": 384,
    "num_hidden_layers": 12,
    "num_attention_heads": 6,
    "mlp_ratio": 4,
    "image_size": 224,
    "patch_size": 14,
}
"""facebook/dinov2-small at 224 px."""

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
USUAL_BATCH = 32
MATRIX = 2048


def write_encoder(folder: Path, config: dict) -> Path:
    """Write an untrained encoder in Hugging Face format; speed does not depend on the weights."""
    torch.manual_seed(0)
    blank_network(config).save_pretrained(folder)
    side = config["image_size"]
    processor = {
        "image_processor_type": "BitImageProcessor",
        "image_mean": MEAN,
        "image_std": STD,
        "do_resize": True,
        "size": {"shortest_edge": side},
        "do_center_crop": True,
        "crop_size": {"height": side, "width": side},
        "do_rescale": True,
        "do_normalize": True,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(processor), encoding="utf-8")
    return folder


def usual_loop(folder: Path, images: np.ndarray) -> Callable[[], np.ndarray]:
    """Image processor and float32 network as model cards show them; gives (N, 2 D), class and mean patch token."""
    torchvision_shim.install()
    from transformers import AutoImageProcessor, AutoModel

    processor, network = AutoImageProcessor.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()

    def run() -> np.ndarray:
        parts = []
        with torch.no_grad():
            for start in range(0, len(images), USUAL_BATCH):
                inputs = processor(images=list(images[start : start + USUAL_BATCH]), return_tensors="pt")
                tokens = network(**inputs).last_hidden_state
                parts.append(torch.cat([tokens[:, 0], tokens[:, 1:].mean(dim=1)], dim=1))
        return torch.cat(parts).numpy()

    return run


def compare(config: dict, *, n: int = 32, runs: int = 5, dtype: str | None = None) -> dict:
    """Embed the same crops both ways."""
    dtype = dtype or probe_dtype("cpu")
    side = config["image_size"]
    images = np.random.default_rng(0).integers(0, 256, (n, side, side, 3), np.uint8)
    with tempfile.TemporaryDirectory() as scratch:
        folder = write_encoder(Path(scratch), config)
        encoder = HubEncoder(folder, name="benchmark", revision="1", dtype=dtype)
        theirs = usual_loop(folder, images)

    def ours() -> np.ndarray:
        crops = np.ascontiguousarray(images.transpose(0, 3, 1, 2), dtype=np.float32) / 255
        return encoder.embed(crops, np.arange(n)).features

    figures = paired(ours, theirs, runs=runs)
    return figures | {
        "n_crops": n,
        "dtype": dtype,
        "crops_per_s": n / figures["ours_median_s"],
        "theirs_crops_per_s": n / figures["theirs_median_s"],
        "lowest_cosine": lowest_cosine(ours(), theirs()),
    }


def share_of_matrix_product(config: dict, *, n: int = 16, runs: int = 5, side: int = MATRIX) -> dict:
    """Arithmetic per second of `HubEncoder.embed` over that of the faster matrix product on the same cores."""
    crops = np.random.default_rng(0).random((n, 3, *[config["image_size"]] * 2), np.float32)
    with tempfile.TemporaryDirectory() as scratch:
        folder = write_encoder(Path(scratch), config)
        encoder = HubEncoder(folder, name="benchmark", revision="1", dtype=probe_dtype("cpu"))
    single, half = torch.rand(side, side), torch.rand(side, side).bfloat16()
    rows = alternate(
        (lambda: encoder.embed(crops, np.arange(n)), lambda: single @ single, lambda: half @ half), runs=runs
    )
    seconds = np.array(rows)  # (runs, sides, clocks)
    work, product = n * operations(encoder) / 1e9, 2 * side**3 / 1e9
    share = (work / seconds[:, 0]) / (product / seconds[:, 1:].min(axis=1))
    float32, bfloat16 = product / np.median(seconds[:, 1:, 1], axis=0)
    return {
        **spread("share", share[:, 0].tolist()),
        **spread("cpu_share", share[:, 1].tolist()),
        "gflop_per_crop": work / n,
        "matrix_float32_gflop_per_cpu_s": float32,
        "matrix_bfloat16_gflop_per_cpu_s": bfloat16,
        "runs": runs,
    }


def operations(encoder: HubEncoder) -> int:
    """Count the multiplications and additions of one crop: matrix products, attention and convolution."""
    from torch.utils.flop_counter import FlopCounterMode

    chosen = encoder.network.config._attn_implementation
    encoder.network.set_attn_implementation("eager")  # the counter does not know the fused kernel of CPUs
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        encoder.tokens(torch.zeros(1, 3, encoder.input_px, encoder.input_px))
    encoder.network.set_attn_implementation(chosen)
    return counter.get_total_flops()


def lowest_cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Smallest cosine between the vectors of one crop."""
    return float(((a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)).min())


def main() -> None:
    """Measure both claims."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, help="processor cores to use; all when left out")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    claim = "embed crops, ViT-S/14 at 224 px, against image processor + float32 network in batches of 32"
    report(claim, ">= 3", **compare(VIT_S14, runs=arguments.runs))
    claim = "share of the rate of a matrix product on the same cores, ViT-S/14 at 224 px"
    report(claim, ">= 0.55", **share_of_matrix_product(VIT_S14, runs=arguments.runs))


if __name__ == "__main__":
    main()
