"""Statistics of a plate of 384 wells and 300,000 cells: effects, dose responses and files.

python -m benchmarks.screen [--cells 300000] [--rounds 3]

Wells are folders of images as `analyse` writes their tables: 32 controls and 44 treatments at 8 doses, half of which do
nothing. Timed from reading the first file until the last one is written, by a class and by a column of the cell tables.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from cellapp.exports.tables import count_row, write_cells
from cellapp.pipeline.screen_runs import screen_runs
from cellapp.population.screen import ScreenSettings
from cellapp.population.wells import Well

ROWS, COLUMNS, CONTROLS, DOSES = 16, 24, 32, 8
_FEATURES = 30


def main() -> None:
    """Measure the claim."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    figures = measure(asked.cells, asked.rounds)
    from benchmarks.compare import report  # not above: it loads torch

    report(f"{ROWS * COLUMNS} wells, {asked.cells:,} cells: statistics", "< 20 s", **figures)


def measure(n_cells: int, rounds: int) -> dict[str, object]:
    """Write a plate and screen it by the share of a class and by the median of a column, in turn."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        layout = write_plate(folder / "run", n_cells // (ROWS * COLUMNS))
        times = {"class": [], "column": []}
        for _ in range(rounds):
            for kind, column in (("class", None), ("column", "feature_3")):
                began = time.perf_counter()
                found = screen_runs([folder / "run"], layout, folder / kind, ScreenSettings(measure=column))
                times[kind].append(time.perf_counter() - began)
    n_curves = len(found["dose_response"])
    return {f"{kind}_s": [round(one, 2) for one in values] for kind, values in times.items()} | {"curves": n_curves}


def write_plate(out: Path, per_well: int, seed: int = 0) -> Path:
    """Write the tables of a plate's images and its layout, whose path is returned."""
    rng, rows = np.random.default_rng(seed), []
    for place in range(ROWS * COLUMNS):
        well = Well(*divmod(place, COLUMNS)).name
        treatment, dose = divmod(place - CONTROLS, DOSES)
        share = 0.6 if treatment % 2 or treatment < 0 else 0.6 - 0.4 / (1 + 10 ** (4 - dose))
        _write_image(out / f"plate_{well}", per_well, share + rng.normal(0, 0.02), rng)
        named = ("DMSO", "", "negative") if treatment < 0 else (f"drug {treatment}", f"{10 ** (dose - 4):g} uM", "")
        rows.append((well, *named))
    layout = out.parent / "layout.csv"
    pd.DataFrame(rows, columns=["well", "treatment", "dose", "control"]).to_csv(layout, index=False)
    return layout


def _write_image(folder: Path, n: int, share: float, rng: np.random.Generator) -> None:
    folder.mkdir(parents=True)
    cancer = rng.random(n) < share
    cells = pd.DataFrame({f"feature_{k}": rng.normal(size=n) + cancer for k in range(_FEATURES)})
    cells["label"] = np.where(cancer, "cancer", "normal")
    cells["p_cancer"] = np.where(cancer, 0.9, 0.1)
    cells = cells.assign(p_normal=1 - cells["p_cancer"], qc_pass=True, unsure=False, unlike_training=False)
    write_cells(cells.set_index(pd.RangeIndex(1, n + 1, name="cell_id")), folder / "cells.parquet")
    summary = {"image": folder.name, **count_row(cells), "confluency": 0.5, "seconds": 1.0}
    run = {"settings": {}, "image": {"name": folder.name}, "summary": summary, "head": "benchmark@1"}
    (folder / "run.json").write_text(json.dumps(run), encoding="utf-8")


if __name__ == "__main__":
    main()
