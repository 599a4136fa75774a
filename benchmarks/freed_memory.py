"""A tile by the segmentation network where the process keeps freed memory, and where it returns it to the system.

python -m benchmarks.freed_memory [--runs 3] [--side 896]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from functools import partial

import torch

from benchmarks.child import ROOT
from benchmarks.compare import report, seconds, spread
from cellapp.compute.allocator import keep_freed_memory
from cellapp.models.registry import model_folder
from cellapp.segmentation.flow_unet_io import read_network

AS_DASK = {"MALLOC_TRIM_THRESHOLD_": "65536"}  # of the processes that `dask worker` starts
TILES = 8


def tile_s(side_px: int, *, keep: bool) -> float:
    """Return the processor time of one tile in this process and one thread, s."""
    torch.set_num_threads(1)
    if keep and not keep_freed_memory():
        raise SystemExit("the C library of this system is not the GNU one: it keeps freed memory in its own way")
    network = read_network(model_folder("compact"))
    planes = torch.rand(1, 2, side_px, side_px)
    with torch.inference_mode():
        network.predict(planes)
        return seconds(lambda: [network.predict(planes) for _ in range(TILES)])[1] / TILES


def _in_child(side_px: int, environment: dict[str, str], keep: str) -> float:
    command = [sys.executable, "-m", "benchmarks.freed_memory", "--side", str(side_px), "--only", keep]
    environment = os.environ | environment
    return float(subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout)


def compare(side_px: int, runs: int, environment: dict[str, str], name: str) -> dict[str, float]:
    """Return how many times as long a tile takes where freed memory is returned, process by process in turn."""
    side = partial(_in_child, side_px, environment)
    pairs = [(side("keep"), side("return")) for _ in range(runs)]
    return spread(f"{name}_cpu_ratio", [theirs / ours for ours, theirs in pairs]) | {
        f"{name}_keeps_s": min(ours for ours, _ in pairs),
        f"{name}_returns_s": min(theirs for _, theirs in pairs),
    }


def main() -> None:
    """Measure in processes as they are, and as Dask sets them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--side", type=int, default=896, help="of the tile, px")
    parser.add_argument("--only", choices=("keep", "return"), help="print the seconds of one side")
    chosen = parser.parse_args()
    if chosen.only:
        print(tile_s(chosen.side, keep=chosen.only == "keep"))
        return
    plain, dask = (compare(chosen.side, chosen.runs, *of) for of in (({}, "plain"), (AS_DASK, "dask")))
    report("freed memory returned over kept", "> 1", **plain, **dask, side_px=chosen.side, runs=chosen.runs)


if __name__ == "__main__":
    main()
