"""Folders in which fine-tuning waits to go on after a kill, below ``CELLAPP_HOME/trainings``."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cellapp.config import app_settings
from cellapp.jobs import queue
from cellapp.store.records import JobRecord

_EPOCHS = "epochs.json"  # of cellapp.training.classifier.finetune, which imports torch
_MANY = 10_000


def work_folder(work: str) -> Path:
    """Return the folder of a job whose payload names its work so."""
    return app_settings().home / "trainings" / work


@contextmanager
def training_folder(work: str) -> Iterator[Path]:
    """Give the folder of a job; it goes when the job is done, cancelled or failed, and stays when a worker stops."""
    if not work:
        with TemporaryDirectory() as scratch:
            yield Path(scratch)
        return
    folder = work_folder(work)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield folder
    except queue.WorkerStopping:
        raise
    except Exception:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)


def live_curves(job: JobRecord) -> dict[str, Any] | None:
    """Return the curves of a fine-tuning so far; None of another job, and before the first epoch has ended."""
    work = str(job.payload.get("work") or "")
    path = next(iter(work_folder(work).glob(f"*/{_EPOCHS}")), None) if work else None
    try:
        return json.loads(path.read_text(encoding="utf-8")) if path else None
    except FileNotFoundError:  # the job has just ended
        return None


def sweep_trainings() -> int:
    """Delete the folders of jobs that will not go on; returns how many."""
    active = {job.payload.get("work") for job in queue.list_jobs(active=True, limit=_MANY)}
    left = [folder for folder in work_folder("").glob("*") if folder.name not in active]
    for folder in left:
        shutil.rmtree(folder, ignore_errors=True)
    return len(left)
