"""Lock the database while a run is going, empty it, and put an older one back: nothing may be lost."""

from __future__ import annotations

import random
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from benchmarks.disturb import results, scene


def locked(base: Path, seconds: float, seed: int = 1, n_images: int = 3) -> dict[str, object]:
    """Hold the database with ``BEGIN EXCLUSIVE`` from a moment in a run on; the run has to wait and go on."""
    scene.seed(base / "seeded", n_images)
    alone = scene.copy_home(base / "seeded", base / "locked-alone")
    start_s = time.monotonic()
    scene.work_off(alone)
    whole_s, home = time.monotonic() - start_s, scene.copy_home(base / "seeded", base / "locked")
    worker = scene.start(home, "worker", "--once")
    scene.wait_until(lambda: results.rows(home, "SELECT status FROM jobs") == [("running",)])
    time.sleep(random.Random(seed).uniform(0, whole_s / 4))
    with closing(sqlite3.connect(home / "cellapp.db", timeout=60, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        done_before = results.rows(home, "SELECT count(*) FROM run_images WHERE status = 'done'")
        time.sleep(seconds)
        waited, done_after = worker.poll() is None, results.rows(home, "SELECT count(*) FROM run_images")
        other.execute("ROLLBACK")
    status = worker.wait(scene.PATIENT_S)
    return {
        "locked_s": seconds,
        "locked_images_left": done_after[0][0] - done_before[0][0],
        "locked_worker_waited": waited,
        "locked_exit_status": status,
        "locked_attempts": results.rows(home, "SELECT attempts FROM jobs")[0][0],
        "locked_differences": results.differences(results.left(home), results.left(alone)),
    }


def replaced(base: Path, n_images: int = 4) -> dict[str, object]:
    """Work with an emptied, an older and a stranger's database, and count originals and results before and after."""
    home = base / "whole"
    scene.seed(home, n_images)
    older = scene.copy_home(home, base / "older") / "cellapp.db"  # knows the images, and nothing of the results
    scene.work_off(home)
    _forget_last_image(older)
    scene.seed(base / "stranger" / "home", 1)
    ways = {"emptied": None, "older": older, "stranger": base / "stranger" / "home" / "cellapp.db"}
    return {f"database_{way}": _replace(home, base / f"with-{way}", database) for way, database in ways.items()}


def _replace(whole: Path, target: Path, database: Path | None) -> dict[str, object]:
    home = scene.copy_home(whole, target)
    before = results.left(home)
    kept = {path.name: path.read_bytes() for path in home.glob("cellapp.db*")}
    for name in kept:
        (home / name).unlink()
    if database is not None:
        shutil.copy(database, home / "cellapp.db")
    statuses = [scene.work_off(home) for _ in range(2)]
    after, files = results.originals(home), results.files_of_runs(home)
    for path in home.glob("cellapp.db*"):
        path.unlink()
    for name, content in kept.items():
        (home / name).write_bytes(content)
    return {
        "exit_status": statuses,
        "originals_before": len(before["originals"]),
        "originals_after": len(after),
        "files_of_runs_before": len(before["files"]),
        "files_of_runs_after": len(files),
        "the_right_one_again": "as before" if not results.differences(results.left(home), before) else "differs",
        "said": _last_line(home),
    }


def _last_line(home: Path) -> str:
    log = home.parent / f"{home.name}-worker.log"
    lines = log.read_text(encoding="utf-8").strip().splitlines() if log.exists() else []
    return lines[-1].replace(str(home), "HOME") if lines else ""


def _forget_last_image(database: Path) -> None:
    """Make a database one of before the last image came."""
    with closing(sqlite3.connect(database)) as connection, connection:
        (last,) = connection.execute("SELECT id FROM images ORDER BY created DESC LIMIT 1").fetchone()
        connection.execute("DELETE FROM jobs")
        connection.execute("DELETE FROM run_images")
        connection.execute("DELETE FROM runs")
        connection.execute("DELETE FROM images WHERE id = ?", (last,))
