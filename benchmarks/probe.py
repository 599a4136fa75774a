"""Train a linear head on vectors that are there: nested cross-validation, the final fit and its calibration.

python -m benchmarks.probe
"""

from __future__ import annotations

import time

import numpy as np

from benchmarks.compare import report
from cellapp.training.classifier.cross_validation import HeadSpec, fit_and_hold_out
from cellapp.training.classifier.labelled_vectors import LabelledVectors

N_CELLS, N_FEATURES, N_GROUPS, FOLDS = 10_000, 640, 100, 5
"""Features as the bundled encoder gives them: class token and mean patch token, 320 each."""
STRENGTHS = tuple(float(10.0**power) for power in range(-4, 4))


def vectors(seed: int = 0) -> LabelledVectors:
    """Cells of two classes that overlap, on slides that differ; features depend on each other as those of networks."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(N_GROUPS), N_CELLS // N_GROUPS)
    codes = (np.arange(N_CELLS) + groups) % 2
    features = 0.5 * rng.normal(size=(N_CELLS, 64)) @ rng.normal(size=(64, N_FEATURES))
    features += 0.5 * rng.normal(size=features.shape) + 0.3 * rng.normal(size=(N_GROUPS, N_FEATURES))[groups]
    features[:, :20] += 0.5 * codes[:, None]
    names = np.array(["cancer", "normal"])[codes].tolist()
    return LabelledVectors(features.astype(np.float32), names, [f"slide {group}" for group in groups])


def main() -> None:
    """Time one training."""
    data, spec = vectors(), HeadSpec("benchmark", "none@1", "Random vectors.")
    start, cpu = time.perf_counter(), time.process_time()
    head, _ = fit_and_hold_out(data, spec, folds=FOLDS, strengths=STRENGTHS)
    figures = {"seconds": time.perf_counter() - start, "cpu_s": time.process_time() - cpu}
    facts = {"n": N_CELLS, "n_features": N_FEATURES, "folds": FOLDS, "strengths": len(STRENGTHS)}
    report("linear head on 10,000 vectors", "at most 20 s", **figures, **facts, auc=head.metrics["auc"])


if __name__ == "__main__":
    main()
