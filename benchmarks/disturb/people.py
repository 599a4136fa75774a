"""Two people and two workers at the labels of one run, while one worker is killed: whose word counts at the end."""

from __future__ import annotations

import random
import subprocess
import threading
from pathlib import Path

import httpx
import pandas as pd

from benchmarks.disturb import results, scene

PEOPLE = ("Ada", "Ben")
_CLASSES = ("cancer", "normal", "debris")


def two_people(base: Path, n_labels: int = 50, seed: int = 1) -> dict[str, object]:
    """Have two people give labels to the same cells at the same time, and compare store and files with their words."""
    home = base / "people"
    (run_id,) = scene.seed(home, 2)
    scene.work_off(home)
    cells = results.rows(home, "SELECT image_id, cell_id FROM cells ORDER BY 1, 2")
    said: dict[str, dict[tuple[str, int], str]] = {who: {} for who in PEOPLE}
    with scene.serving(home) as address:
        workers = [scene.start(home, "worker", "--idle-s", "60") for _ in range(2)]
        threads = [
            threading.Thread(target=_label, args=(address, run_id, who, cells, n_labels, seed + place, said[who]))
            for place, who in enumerate(PEOPLE)
        ]
        for thread in threads:
            thread.start()
        _kill_one_at_work(home, workers)
        for thread in threads:
            thread.join()
        scene.wait_until(lambda: not _active(home))
        for worker in workers:
            scene.kill_all(worker)
    scene.kill_worker_of(home)
    return _compare(home, said, len(cells))


def _label(
    address: str, run_id: str, who: str, cells: list, n_labels: int, seed: int, said: dict[tuple[str, int], str]
) -> None:
    draw = random.Random(seed)
    for _ in range(n_labels):
        image_id, cell_id = draw.choice(cells)
        said[image_id, cell_id] = draw.choice(_CLASSES)
        label = {"image_id": image_id, "cell_id": cell_id, "class": said[image_id, cell_id]}
        body = {"labels": [label], "who": who}
        httpx.post(f"{address}/api/runs/{run_id}/labels", json=body, timeout=120).raise_for_status()


def _kill_one_at_work(home: Path, workers: list[subprocess.Popen[bytes]]) -> None:
    """Kill the process that writes labels, and the one that watches it."""

    def at_work() -> subprocess.Popen[bytes] | None:
        busy = {
            worker.split(":")[1] for (worker,) in results.rows(home, "SELECT worker FROM jobs WHERE status='running'")
        }
        return next((one for one in workers if busy & {str(child.pid) for child in scene.children(one)}), None)

    scene.wait_until(at_work, every_s=0.01)
    scene.kill_all(at_work() or workers[0])


def _active(home: Path) -> bool:
    return bool(results.rows(home, "SELECT id FROM jobs WHERE status IN ('queued', 'running')"))


def _compare(home: Path, said: dict[str, dict[tuple[str, int], str]], n_cells: int) -> dict[str, object]:
    words = results.rows(
        home, "SELECT who, image_id, cell_id, class_name FROM labels WHERE retracted IS NULL ORDER BY id"
    )
    of_each = {(who, image_id, cell_id): name for who, image_id, cell_id, name in words}
    sent = {(who, *cell): name for who, mine in said.items() for cell, name in mine.items()}
    last = {(image_id, cell_id): name for _, image_id, cell_id, name in words}
    shown = {
        (one, cell): name for one, cell, name in results.rows(home, "SELECT image_id, cell_id, manual_label FROM cells")
    }
    in_files = _in_files(home)
    return {
        "people_labels_stored": len(words),
        "people_cells": n_cells,
        "people_words_lost": sum(of_each.get(key) != name for key, name in sent.items()),
        "people_store_differs": sum(shown[cell] != last.get(cell, "") for cell in shown),
        "people_files_differ": sum(in_files[cell] != shown[cell] for cell in shown),
        "people_failed_jobs": results.rows(home, "SELECT count(*) FROM jobs WHERE status = 'failed'")[0][0],
        "people_jobs_taken_twice": results.rows(home, "SELECT count(*) FROM jobs WHERE attempts > 1")[0][0],
    }


def _in_files(home: Path) -> dict[tuple[str, int], str]:
    """Return the classes by hand of the table that people download."""
    found = {}
    for run_id, image_id, stem in results.rows(home, "SELECT run_id, image_id, stem FROM run_images"):
        table = pd.read_csv(home / "runs" / run_id / stem / "cells.csv", keep_default_na=False)
        found |= {(image_id, cell): name for cell, name in zip(table["cell_id"], table["manual_label"], strict=True)}
    return found
