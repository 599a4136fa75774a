"""Groups and map of 50,000 vectors, and an epoch of an autoencoder on 10,000 crops: seconds and processor time.

python -m benchmarks.discovery [--vectors 50000] [--crops 10000]

Vectors are drawn: 768 numbers, 12 blobs. Crops are drawn: discs and rings of many sizes, 64 px, three planes.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from cellapp.discovery.cluster_number import choose_clusters
from cellapp.discovery.clustering import reduced
from cellapp.discovery.projection import project
from cellapp.training.vae.recipe import VaeRecipe
from cellapp.training.vae.train import train_vae

DIM, BLOBS, SIDE_PX = 768, 12, 64
TARGETS = {"mixture over 8 k with indices": 60.0, "UMAP, of the processor": 90.0, "epoch of the autoencoder": 60.0}


def main() -> None:
    """Measure the three claims."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vectors", type=int, default=50_000)
    parser.add_argument("--crops", type=int, default=10_000)
    chosen = parser.parse_args()
    from benchmarks.compare import report  # not above: it loads torch

    for name, act in works(chosen.vectors, chosen.crops):
        wall, processor = timed(act)
        seconds = processor if "processor" in name else wall
        measured = {"wall_s": round(wall, 1), "cpu_s": round(processor, 1)}
        report(f"{name}: {seconds:.1f} s", f"<= {TARGETS[name]:.0f} s", **measured)


def works(n_vectors: int, n_crops: int) -> Iterator[tuple[str, Callable[[], object]]]:
    """Give the works by name, one at a time: what they work on is made before each."""
    features = blobs(n_vectors)
    points = reduced(features, seed=0)
    mixture, umap, epoch = TARGETS
    yield mixture, partial(choose_clusters, features, points, "gmm", None, seed=0, numbers=range(2, 10))
    yield umap, partial(project, points, method="umap", seed=0)
    crops, recipe = pictures(n_crops), VaeRecipe(epochs=1, side_px=SIDE_PX)
    groups = np.repeat(np.arange(-(-n_crops // 100)), 100)[:n_crops].astype(str)
    with tempfile.TemporaryDirectory() as out:
        yield epoch, partial(train_vae, crops, recipe, Path(out), groups=groups)


def blobs(n: int, *, seed: int = 0) -> np.ndarray:
    """Return vectors of some blobs, (n, 768) float32."""
    generator = np.random.default_rng(seed)
    centres = 3 * generator.normal(size=(BLOBS, DIM)).astype(np.float32)
    return centres[generator.integers(BLOBS, size=n)] + generator.normal(size=(n, DIM)).astype(np.float32)


def pictures(n: int, *, seed: int = 0) -> np.ndarray:
    """Return crops of discs and rings, (n, 3, 64, 64) uint8."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE_PX, :SIDE_PX] - SIDE_PX / 2
    distance = np.hypot(y, x).astype(np.float32)
    crops = np.empty((n, 3, SIDE_PX, SIDE_PX), np.uint8)
    for crop in crops:
        inner, outer = np.sort(generator.uniform(0, SIDE_PX / 2, 2))
        crop[:] = 220 * ((distance < outer) & (distance >= inner * generator.integers(2)))
    return crops


def timed(act: Callable[[], object]) -> tuple[float, float]:
    """Return the seconds on the clock and of the processor that a call takes."""
    wall, processor = time.perf_counter(), time.process_time()
    act()
    return time.perf_counter() - wall, time.process_time() - processor


if __name__ == "__main__":
    main()
