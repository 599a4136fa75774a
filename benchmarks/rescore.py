"""Call 50,000 cells of a stored run by another head: processor time until its classes and until its tables are there.

python -m benchmarks.rescore [--cells 50000]

The run is synthetic: cells stamped on a grid, random vectors as wide as those of the bundled encoder, a random head.
Overlay and crops are drawn by a second job, which is not measured here.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import tifffile

from benchmarks.stamped import CLASSES, PITCH_PX, cell_table, size_of, write_labels
from cellapp.cells.shape import BOX_COLUMNS
from cellapp.classification.cell_columns import class_columns
from cellapp.classification.head import LinearHead
from cellapp.classification.head_io import save_head
from cellapp.classification.novelty import fit_novelty
from cellapp.config import app_settings
from cellapp.exports.class_files import write_class_tables
from cellapp.exports.class_versions import read_versions, version_table
from cellapp.exports.label_image import write_labels as write_label_image
from cellapp.jobs.rescore import rescore_run
from cellapp.settings import AnalyseSettings, VectorSettings
from cellapp.store import cells as cell_store
from cellapp.store import database, projects, runs, uploads
from cellapp.store.open_image import open_slide
from cellapp.store.records import RunRecord
from cellapp.store.vectors import keep_vectors
from cellapp.types.cells import Analysis, Embeddings, LabelMask

DIM = 320  # of the bundled encoder
ENCODER = "cell-vit@benchmark"


def main() -> None:
    """Measure the claim."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=50_000)
    n = parser.parse_args().cells
    figures = measure(n)
    from benchmarks.compare import report  # not above: it loads torch

    report(f"{n:,} cells by another head: processor time until the classes are there", "<= 5 s", **figures)


def measure(n: int) -> dict[str, object]:
    """Store a run of `n` cells in a home of its own and call it by two heads in turn."""
    with tempfile.TemporaryDirectory() as scratch:
        before = os.environ.get("CELLAPP_HOME")
        os.environ["CELLAPP_HOME"] = str(Path(scratch) / "home")
        app_settings.cache_clear()
        try:
            return _measured(Path(scratch), n)
        finally:
            database.dispose()
            os.environ.pop("CELLAPP_HOME")
            os.environ.update({"CELLAPP_HOME": before} if before else {})
            app_settings.cache_clear()


def _measured(scratch: Path, n: int) -> dict[str, object]:
    run = store_run(scratch, n)
    rounds, tables = [], []
    for seed in (1, 2, 1):
        head = scratch / f"head{seed}"
        save_head(random_head(str(head), seed), head)
        rounds.append(_rescored(run, str(head)))
        known = read_versions(runs.run_folder(run.id))
        tables.append(version_table(runs.run_folder(run.id), str(known.active_id), run.images[0].stem))
    classes_s, tables_s = np.median(rounds, axis=0).tolist()
    return {
        "classes_cpu_s": round(classes_s, 2),
        "tables_cpu_s": round(tables_s, 2),
        "cpu_s": round(classes_s + tables_s, 2),
        "n_classified": int((tables[0]["label"] != "").sum()),
        "same_again": bool(tables[0].equals(tables[2])),
        "torch_loaded": "torch" in sys.modules,
    }


def _rescored(run: RunRecord, head: str) -> tuple[float, float]:
    """Return processor seconds until the classes of a head are there, and from then until the tables are."""
    start, steps = time.process_time(), {}
    settings = run.settings.classify.model_copy(update={"head": head})
    rescore_run(run.id, settings, on_step=lambda step, _: steps.setdefault(step.split(": ")[-1], time.process_time()))
    return steps["Writing tables"] - start, time.process_time() - steps["Writing tables"]


def store_run(scratch: Path, n: int) -> RunRecord:
    """Write a run of one image, which is small and stands for a slide, with the files that tables need."""
    tifffile.imwrite(scratch / "slide.tif", np.zeros((2, 64, 64), np.uint16), photometric="minisblack")
    image = uploads.add_image(projects.default_project().id, scratch / "slide.tif", "slide.tif")
    run = runs.create_run(image.project_id, [image.id], AnalyseSettings())
    write_labels(scratch / "labels", n)
    labels = np.fromfile(scratch / "labels", np.int32).reshape(size_of(n))
    info = replace(open_slide(image.id).info, shape=(2, *labels.shape))
    cells = measured_table(n)
    analysis = Analysis(run.images[0].stem, info, image.digest, info.roles, LabelMask(labels, "stamped@1"), cells, 0.5)
    folder = runs.run_folder(run.id) / analysis.name
    folder.mkdir()
    write_label_image(analysis.mask, folder / "labels.tif", um_per_px=None)
    summary = write_class_tables(analysis, folder, settings=run.settings, seconds=1.0, pictures_by=None)
    (folder / "overlay.png").write_bytes((Path(__file__).parent.parent / "docs" / "explain.png").read_bytes())
    cell_store.save_cells(run.id, image.id, cells)
    runs.set_image_status(run.id, image.id, "done", n_cells=n, summary=summary)
    keep_random_vectors(run, cells)
    return runs.finish_run(run.id)


def measured_table(n: int) -> pd.DataFrame:
    """Return a cell table with as many measurements as an analysis of two channels gives."""
    table, rng = cell_table(n), np.random.default_rng(3)
    boxes = table[BOX_COLUMNS].to_numpy(float)
    more = {"centroid_y_px": boxes[:, ::2].mean(axis=1), "centroid_x_px": boxes[:, 1::2].mean(axis=1)}
    more |= {f"measurement_{k}": rng.random(n) * PITCH_PX for k in range(20)}
    measured = table.drop(columns=[*class_columns(table), "manual_label"]).assign(**more)
    called = table[class_columns(table)].assign(unlike_training=False)
    return measured.join(called).assign(manual_label=table["manual_label"])


def keep_random_vectors(run: RunRecord, cells: pd.DataFrame) -> None:
    """Keep a random vector of each accepted cell."""
    ids = cells.index[cells["qc_pass"]].to_numpy(np.int32)
    cls, mean = np.random.default_rng(4).normal(size=(2, len(ids), DIM)).astype(np.float32)
    found = Embeddings(cls, mean, ids, ENCODER)
    image_id = run.images[0].image_id
    keep_vectors(run.id, image_id, VectorSettings(), encoder=ENCODER, key="0" * 64, embeddings=found)


def random_head(name: str, seed: int) -> LinearHead:
    """Return a head of the width of the bundled encoder's vectors, with a limit that a few cells pass."""
    rng = np.random.default_rng(seed)
    training = rng.normal(size=(400, 2 * DIM))
    novelty = fit_novelty(training, np.arange(400) % 2, 2)
    limit = float(np.quantile(novelty.distance(rng.normal(size=(400, 2 * DIM))), 0.9))
    reads = VectorSettings()
    return LinearHead(
        name=name,
        weight=rng.normal(scale=0.05, size=(2, 2 * DIM)).astype(np.float32),
        bias=np.zeros(2, np.float32),
        mean=np.zeros(2 * DIM, np.float32),
        std=np.ones(2 * DIM, np.float32),
        classes=CLASSES,
        encoder=ENCODER,
        positive=CLASSES[0],
        crop=reads.crop,
        preprocess=reads.preprocess,
        trained_on="Random numbers.",
        novelty=replace(novelty, limit=limit),
    )


if __name__ == "__main__":
    main()
