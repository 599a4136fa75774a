"""One worker at a run: a worker that was taken for lost may still be at it, and two would write the same files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from cellapp.store.blobs import home_folder
from cellapp.types.image import OnStep

_ASK_S = 0.5  # between two looks


@contextmanager
def only_worker(run_id: str, on_step: OnStep) -> Iterator[None]:
    """Hold a run while the block runs; wait for the worker that holds it, which lets go at its next step or death.

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
