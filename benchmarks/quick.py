"""Ratios of the fast parts against what they were: `make bench-quick` fails when one is worse by half.

python -m benchmarks.quick             compare with benchmarks/kept.json
python -m benchmarks.quick --keep      write it anew

Each figure is how many times as much processor time the other side takes in the same run, so a slower or busier machine
changes both.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import torch

from benchmarks.cells import against_full_masks
from benchmarks.child import run
from benchmarks.compare import machine, paired
from benchmarks.crops import against_compression
from benchmarks.dynamics import LIBRARY, OURS, against_library_targets
from benchmarks.hirescam import over_inference
from benchmarks.segment import ROLES, compact, field
from cellapp.models.registry import model_folder

KEPT = Path(__file__).with_name("kept.json")
WORSE = 2 / 3
"""A ratio below this share of the kept one is worse by half."""
SMALL_ENCODER = {
    "model_type": "dinov2_with_registers",
    "hidden_size": 320,
    "num_hidden_layers": 4,
    "num_attention_heads": 5,
    "image_size": 64,
    "patch_size": 8,
}
"""The shape of `cell-vit`."""


def masks_of_flows() -> float:
    """Masks and flow check against `cellpose.dynamics`."""
    segmenter, pixels = compact(), field(512)
    flows = segmenter.flows(pixels, ROLES, OURS)
    ours, theirs = (partial(segmenter.masks, flows, settings) for settings in (OURS, LIBRARY))
    return paired(ours, theirs, runs=3)["cpu_ratio"]


def vectors_over_maps() -> float:
    """Vectors of cells against vectors and maps."""
    return 1 / over_inference(SMALL_ENCODER, n=64, runs=3)["cpu_cost"]


def encoder_by_library() -> float:
    """Reading and running the encoder that ships against doing so by transformers, each in a new process."""

    ours, theirs = (
        run("benchmarks.read_encoder", [model_folder("cell-vit"), how]).cpu_s for how in ("ours", "library")
    )
    return theirs / ours


ROWS: dict[str, Callable[[], float]] = {
    "400 cells cut and measured, against a slide-sized mask each": lambda: against_full_masks(
        side_px=1500, n=400, sample=4, runs=3
    )["cpu_ratio"],
    "masks of flows, against cellpose.dynamics": masks_of_flows,
    "flows of masks, against cellpose.dynamics": lambda: against_library_targets(side_px=512),
    "vectors and maps, against vectors alone": vectors_over_maps,
    "an encoder read, against transformers": encoder_by_library,
    "crops.zip, against compression alone": lambda: against_compression(side_px=640)["cpu_ratio"],
}


def measure(kept: Mapping[str, float]) -> dict[str, float]:
    """Return the ratio of each row; what is worse by half is measured once more, and the better one counts."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        found = {name: row() for name, row in ROWS.items()}
        again = {name: max(found[name], ROWS[name]()) for name in worse(found, kept)}
    finally:
        torch.set_num_threads(threads)
    return {name: round(ratio, 3) for name, ratio in (found | again).items()}


def worse(found: Mapping[str, float], kept: Mapping[str, float]) -> list[str]:
    """Name the rows that are worse by half; a row that is not kept yet is none."""
    return [name for name, ratio in found.items() if ratio < WORSE * kept.get(name, 0)]


def read_kept() -> dict[str, float]:
    """Read the ratios of the version that kept them."""
    return json.loads(KEPT.read_text(encoding="utf-8"))["ratios"]


def main() -> int:
    """Print a line per row; status 1 when one is worse by half."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", action="store_true", help="write the ratios to benchmarks/kept.json")
    keep = parser.parse_args().keep
    kept = {} if keep else read_kept()
    found = measure(kept)
    for name, ratio in found.items():
        before = f"{kept[name]:.2f} kept" if name in kept else "new"
        print(f"{ratio:9.2f}  {before:>12}  {name}")
    if keep:
        KEPT.write_text(json.dumps({"ratios": found, **machine()}, indent=1) + "\n", encoding="utf-8")
    for name in worse(found, kept):
        print(f"worse by half: {name}", file=sys.stderr)
    return int(bool(worse(found, kept)))


if __name__ == "__main__":
    sys.exit(main())
