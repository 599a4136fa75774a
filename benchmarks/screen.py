"""Statistics of a plate of 384 wells and 300,000 cells: effects, dose responses and files.

python -m benchmarks.screen [--cells 300000] [--rounds 3] [--page]

Wells are folders of images as `analyse` writes their tables: 32 controls and 44 treatments at 8 doses, half of which do
nothing. Timed from reading the first file until the last one is written, by a class and by a column of the cell tables.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import tifffile

from cellapp.exports.tables import count_row, write_cells
from cellapp.pipeline.screen_runs import screen_runs
from cellapp.population.screen import ScreenSettings
from cellapp.population.wells import Well
from cellapp.settings import AnalyseSettings
from cellapp.types.cells import LabelMask

ROWS, COLUMNS, CONTROLS, DOSES = 16, 24, 32, 8
SIDE_PX = 64  # of a stored image, which nobody segments
APP = Path(__file__).resolve().parent.parent / "app.py"
_FEATURES = 30


def main() -> None:
    """Measure the claim."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--page", action="store_true")
    asked = parser.parse_args()
    figures = measure(asked.cells, asked.rounds)
    figures |= reruns(asked.cells, asked.rounds) if asked.page else {}
    from benchmarks.compare import report  # not above: it loads torch

    report(f"{ROWS * COLUMNS} wells, {asked.cells:,} cells: statistics", "< 20 s, reruns <= 500 ms", **figures)


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


def reruns(n_cells: int, rounds: int) -> dict[str, object]:
    """Store a plate in a home of its own, open the page Screen and run it again."""
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["CELLAPP_HOME"] = str(Path(scratch) / "home")
        _store(Path(scratch), n_cells // (ROWS * COLUMNS))
        from streamlit.testing.v1 import AppTest

        from cellapp.jobs import worker_process

        worker_process.announce()  # no worker of its own takes the cores from the page
        visit = AppTest.from_file(str(APP), default_timeout=600).switch_page("pages/analyse/screen.py")
        spent = []
        for _ in range(rounds + 1):
            began, worked = time.perf_counter(), time.process_time()
            visit.run()
            assert not visit.exception, visit.exception
            spent.append((round(1e3 * (time.perf_counter() - began)), round(1e3 * (time.process_time() - worked))))
    first, *again = spent
    return {
        "first_ms": first[0],
        "rerun_ms": [one for one, _ in again],
        "rerun_processor_ms": [one for _, one in again],
    }


def _store(scratch: Path, per_well: int) -> None:
    """Store a run whose images are small and empty, with the tables of a plate."""
    from cellapp.exports.label_image import write_labels
    from cellapp.pipeline.screen_of_run import keep_layout
    from cellapp.store import projects, runs, uploads

    layout, project, ids = write_plate(scratch / "run", per_well), projects.default_project(), []
    for k, folder in enumerate(sorted((scratch / "run").iterdir())):
        picture = scratch / f"{folder.name}.tif"
        tifffile.imwrite(picture, np.full((SIDE_PX, SIDE_PX), k, np.uint16))
        ids.append(uploads.add_image(project.id, picture, picture.name).id)
    run = runs.create_run(project.id, ids, AnalyseSettings())
    runs.start_run(run.id)
    for image in run.images:
        folder = runs.run_folder(run.id) / image.stem
        shutil.move(scratch / "run" / image.stem, folder)
        write_labels(LabelMask(np.ones((SIDE_PX, SIDE_PX), np.int32), "benchmark"), folder / "labels.tif")
        summary = json.loads((folder / "run.json").read_text())["summary"]
        runs.set_image_status(run.id, image.image_id, "done", n_cells=per_well, summary=summary)
    runs.finish_run(run.id)
    keep_layout(runs.run_folder(run.id), layout.read_bytes())


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
    cells = cells.assign(
        **dict.fromkeys(("bbox_y0_px", "bbox_x0_px"), 0), **dict.fromkeys(("bbox_y1_px", "bbox_x1_px"), 9)
    )
    cells["area_px"] = 81.0
    cells["label"] = np.where(cancer, "cancer", "normal")
    cells["p_cancer"] = np.where(cancer, 0.9, 0.1)
    cells = cells.assign(p_normal=1 - cells["p_cancer"], qc_pass=True, unsure=False, unlike_training=False)
    write_cells(cells.set_index(pd.RangeIndex(1, n + 1, name="cell_id")), folder / "cells.parquet")
    summary = {"image": folder.name, **count_row(cells), "confluency": 0.5, "seconds": 1.0}
    run = {"settings": {}, "image": {"name": folder.name}, "summary": summary, "head": "benchmark@1"}
    (folder / "run.json").write_text(json.dumps(run), encoding="utf-8")


if __name__ == "__main__":
    main()
