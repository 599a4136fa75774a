"""How long the workers of running jobs have been silent, by the clock of this process that nobody can set.

Times in the database are those of the clocks on the wall: one that is set forward, or that of another machine, would
make every worker look dead. A heartbeat counts when it changes, whatever time it states.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterable
from datetime import datetime

import psutil

_lock = threading.Lock()
_seen: dict[str, tuple[str, datetime | None, float]] = {}  # job -> worker, heartbeat, when this process saw it first


def lost_jobs(beats: Iterable[tuple[str, str, datetime | None]], lost_after_s: float) -> dict[str, datetime | None]:
    """Return the jobs whose workers are lost.

    Parameters
    ----------
    beats : iterable of (str, str, datetime or None)
        Of every running job: its id, its worker ("host:pid:letters"), its last heartbeat.
    lost_after_s : float
        A worker whose heartbeat has not changed for so many seconds, as this process has seen it, is lost; one of this
        machine whose process has ended is lost at once.

    Returns
    -------
    dict of str to datetime or None
        Id -> that heartbeat.
    """
    now_s = time.monotonic()
    with _lock:
        seen = {}
        for job_id, worker, beat in beats:
            before = _seen.get(job_id)
            seen[job_id] = before if before and before[:2] == (worker, beat) else (worker, beat, now_s)
        _seen.clear()
        _seen.update(seen)
    return {
        job_id: beat
        for job_id, (worker, beat, since_s) in seen.items()
        if now_s - since_s >= lost_after_s or _has_ended(worker)
    }


def _has_ended(worker: str) -> bool:
    """Whether a worker ran on this machine and its process is no more; a process that got its number counts as it."""
    host, _, rest = worker.partition(":")
    pid = rest.partition(":")[0]
    if host != socket.gethostname() or not pid.isdecimal():
        return False
    try:
        return psutil.Process(int(pid)).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
    except psutil.Error:
        return False
