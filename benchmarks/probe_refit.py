"""Processor time to fit the probe of the Label page anew: 5,000 labelled cells with vectors of the cell-vit encoder.

python -m benchmarks.probe_refit
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from functools import partial

import numpy as np

from cellapp.labelling.orders import Candidates, order_cells
from cellapp.training.classifier.probe import refit

WIDTH = 640  # class and mean patch token of cell-vit
RUNS = 5


def toy_vectors(n: int, n_classes: int) -> tuple[np.ndarray, list[str]]:
    """Return correlated vectors as encoders give them, (n, WIDTH) float32, and classes that overlap in them."""
    random = np.random.default_rng(0)
    hidden = random.normal(size=(n, 60))
    vectors = hidden @ random.normal(size=(60, WIDTH)) + 0.5 * random.normal(size=(n, WIDTH))
    scores = hidden[:, :n_classes] + random.normal(size=(n, n_classes))
    return vectors.astype(np.float32), [f"class {code}" for code in scores.argmax(axis=1)]


def seconds(work) -> float:
    """Return the median processor time of some runs."""
    taken = []
    for _ in range(RUNS):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return statistics.median(taken)


def main() -> None:
    """Print seconds per refit, and per order that follows it, as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=5_000)
    n = parser.parse_args().n
    figures = {}
    for n_classes in (2, 3, 5):
        vectors, labels = toy_vectors(n, n_classes)
        images = [f"image {row % 20}" for row in range(n)]
        figures[f"refit_{n_classes}_classes_s"] = round(seconds(partial(refit, vectors, labels, images)), 3)
    half = Candidates(vectors, np.arange(n) % 2 == 0)
    figures |= {
        f"{name}_s": round(seconds(partial(order_cells, name, half)), 3) for name in ("most-different", "oddest")
    }
    print(json.dumps({"n": n, "width": WIDTH, **figures}))


if __name__ == "__main__":
    main()
