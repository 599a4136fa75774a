"""Write a million outlines to GeoJSON: the memory it takes beside the cell table, and what a hundredth of them takes.

python -m benchmarks.outlines [--cells 1000000]

Memory is what a process of its own holds for itself, which has the columns of the table that the writing reads and maps
the label image from its file. Pages of mapped files, which the system takes back when it needs them, are told apart.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import re
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pandas as pd
import psutil

from benchmarks.stamped import CLASSES, cell_table, corner_of, shape_of, size_of, write_labels
from cellapp.cells.counts import outcome
from cellapp.exports.geojson import write_geojson
from cellapp.exports.polygons import fill
from cellapp.types.cells import LabelMask

FEWER = 100  # times, on the other side
EVERY_S = 0.005
CELL = re.compile(r'\{"type": "Feature", .*"cell_id": (\d+)')


def main() -> None:
    """Measure the claim."""
    from benchmarks.compare import report  # not above: the process that writes would hold torch as well

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=1_000_000)
    n = parser.parse_args().cells
    with tempfile.TemporaryDirectory() as scratch:
        figures = compare(Path(scratch), n)
    report(f"{n:,} outlines to GeoJSON: peak memory; growth with a hundredth of the cells", "<= 300 MB", **figures)


def compare(folder: Path, n: int) -> dict[str, object]:
    """Write a hundredth of `n` cells and all of them, and hold what was written against what was drawn."""
    small = measure(folder / "few.geojson", max(n // FEWER, 1))
    return {**measure(folder / "all.geojson", n), **check(folder / "all.geojson", n), "hundredth": small}


def measure(path: Path, n: int) -> dict[str, float]:
    """Write `n` cells in a process of its own; memory in MB of 2**20 bytes."""
    labels = path.with_suffix(".labels")
    write_labels(labels, n)
    seen, (wall_s, cpu_s) = _watched(labels, cell_table(n), path)
    labels.unlink()
    peak_mb, mapped_mb = np.max(seen, axis=0).tolist()
    before_mb, _ = seen[0]
    return {
        "n_cells": n,
        "before_mb": round(before_mb, 1),
        "peak_mb": round(peak_mb, 1),
        "growth_mb": round(peak_mb - before_mb, 1),
        "mapped_mb": round(mapped_mb, 1),
        "s_per_1000_cells": round(1000 * wall_s / n, 3),
        "cpu_s_per_1000_cells": round(1000 * cpu_s / n, 3),
        "file_mb": round(path.stat().st_size / 2**20, 1),
    }


def check(path: Path, n: int, n_picked: int = 200) -> dict[str, object]:
    """Read the file line by line: is every cell there once, in order, and are some taken at random as drawn?"""
    cells = cell_table(n).assign(counted_as=outcome)
    picked = set(np.random.default_rng(1).choice(n, min(n, n_picked), replace=False).tolist())
    n_features, in_order, same = 0, True, []
    with path.open(encoding="utf-8") as file:
        for line in file:
            if (found := CELL.match(line)) is None:
                continue
            if n_features in picked:
                same.append(_is_cell(json.loads(line.rstrip(",\n")), cells.iloc[n_features], n))
            n_features += 1
            in_order = in_order and int(found[1]) == n_features
    return {"n_features": n_features, "in_order": in_order, "n_compared": len(same), "same_cells": all(same)}


def _watched(labels: Path, cells: pd.DataFrame, path: Path) -> tuple[list[tuple[float, float]], tuple[float, float]]:
    """Return the memory of the process that writes, before it does and while it does, and its elapsed and own time."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    # The table is handed over, not made there: memory left from making it would hide what the writing takes.
    process = context.Process(target=_write, args=(labels, cells, path, there))
    process.start()
    there.close()  # else a process that died would be waited for without end
    here.recv()
    seen = [_memory_mb(process.pid)]
    here.send("go")
    while not here.poll(EVERY_S):
        seen.append(_memory_mb(process.pid))
    seconds = here.recv()
    process.join()
    return seen, seconds


def _write(labels: Path, cells: pd.DataFrame, path: Path, parent: Connection) -> None:
    """Make ready, wait until the parent has looked at the memory, write, say how long that took."""
    mask = LabelMask(np.memmap(labels, np.int32, "r", shape=size_of(len(cells))), "stamped")
    parent.send("ready")
    parent.recv()
    start, cpu = time.perf_counter(), time.process_time()
    write_geojson(mask, cells, path, classes=CLASSES)
    parent.send((time.perf_counter() - start, time.process_time() - cpu))


def _memory_mb(pid: int) -> tuple[float, float]:
    """Return what a process holds for itself and what it holds of mapped files; only Linux tells these apart."""
    memory = psutil.Process(pid).memory_info()
    mapped = getattr(memory, "shared", 0)
    return (memory.rss - mapped) / 2**20, mapped / 2**20


def _is_cell(feature: dict, cell: pd.Series, n: int) -> bool:
    geometry, properties = feature["geometry"], feature["properties"]
    polygons = [geometry["coordinates"]] if geometry["type"] == "Polygon" else geometry["coordinates"]
    rings = [np.array(ring) - corner_of(cell.name, n) for polygon in polygons for ring in polygon]
    inside = shape_of(cell.name)
    measured = cell[["p_cancer", "p_normal", "area_px", "area_um2", "margin"]]
    known = {name: value for name, value in measured.items() if math.isfinite(value)}
    return (
        np.array_equal(fill(rings, inside.shape), inside)
        and properties["measurements"] == {"cell_id": cell.name} | known
        and properties["classification"]["name"] == cell["counted_as"]
    )


if __name__ == "__main__":
    main()
