"""How long the database is closed to other writers, and to readers, while the cells of a large image are written."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.disturb import scene


def big_table(base: Path, n_cells: int = 200_000) -> dict[str, object]:
    """Write, replace and delete the cells of an image, while another connection wants to write and a third to read."""
    from cellapp.store import cells, runs

    home = base / "table"
    (run_id,) = scene.seed(home, 1)
    database, table = home / "cellapp.db", _table(n_cells)
    works: dict[str, Callable[[], object]] = {}
    figures: dict[str, object] = {"cells": n_cells}
    with scene.store_of(home):
        image_id = runs.get_run(run_id).images[0].image_id
        works["written"] = lambda: cells.save_cells(run_id, image_id, table)
        works["replaced"] = works["written"]
        works["deleted"] = lambda: cells.delete_cells(run_id)
        for name, work in works.items():
            with _asking(database, "BEGIN IMMEDIATE") as writer, _asking(database, "BEGIN") as reader:
                start_s = time.monotonic()
                work()
                figures[f"{name}_s"] = round(time.monotonic() - start_s, 2)
            figures[f"{name}_longest_wait_to_write_s"] = round(max(writer), 3)
            figures[f"{name}_longest_wait_to_read_s"] = round(max(reader), 3)
    return figures


@contextmanager
def _asking(database: Path, begin: str) -> Iterator[list[float]]:
    """Begin a transaction again and again; gives the seconds that each had to wait."""
    waits, stop = [0.0], threading.Event()

    def ask() -> None:
        with closing(sqlite3.connect(database, timeout=600, isolation_level=None)) as connection:
            while not stop.wait(0.01):
                start_s = time.monotonic()
                connection.execute(begin)
                connection.execute("SELECT status FROM runs").fetchall()
                waits.append(time.monotonic() - start_s)
                connection.execute("ROLLBACK")

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield waits
    finally:
        stop.set()
        thread.join()


def _table(n: int) -> pd.DataFrame:
    draw = np.random.default_rng(0)
    numbers = {name: draw.uniform(0, 1000, n) for name in ("centroid_y_px", "centroid_x_px", "area_px")}
    p = draw.uniform(0, 1, n)
    calls = {"p_cancer": p, "p_normal": 1 - p, "label": np.where(p > 0.5, "cancer", "normal"), "margin": abs(2 * p - 1)}
    judged = {"qc_pass": True, "qc_reason": "", "unsure": p < 0.1, "unlike_training": False}
    return pd.DataFrame({**numbers, **calls, **judged}, index=pd.RangeIndex(1, n + 1, name="cell_id"))
