"""One worker at a run, and one process at its files: of two that write the same files one would lose its words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from cellapp.store.blobs import home_folder
from cellapp.types.image import OnStep

_LOCK = ".files.lock"
_ASK_S = 0.5  # between two looks


@contextmanager
def only_worker(run_id: str, on_step: OnStep) -> Iterator[None]:
    """Hold a run while the block runs: a worker that was taken for lost may still be at it, and is waited for.

    Parameters
    ----------
    run_id : str
    on_step : callable
        Told while it waits; it may raise `Cancelled`.
    """
    lock = FileLock(home_folder("locks") / f"{run_id}.lock", is_singleton=False)
    while not lock.is_locked:
        try:
            lock.acquire(timeout=_ASK_S)
        except Timeout:
            on_step("Waiting for another worker to leave this run", 0.0)
    try:
        yield
    finally:
        lock.release()


@contextmanager
def writing_files(out: Path) -> Iterator[None]:
    """Let one process at a time write the tables of a run: two that read, change and write would lose one change."""
    with FileLock(out / _LOCK):
        yield
