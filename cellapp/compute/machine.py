"""Memory of this machine, or of the container that the program runs in, and of a process with those it started."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import psutil

_GROUPS = (  # limit and use of a container, by the two versions of Linux' control groups
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"), Path("/sys/fs/cgroup/memory/memory.usage_in_bytes")),
)


def memory_bytes() -> int:
    """Return how much memory this machine has, or its container may use."""
    total = psutil.virtual_memory().total
    limits = (_number(limit) for limit, _ in _GROUPS)
    return min([total, *(limit for limit in limits if limit)])


def free_memory_bytes() -> int:
    """Return how much memory is free, counting what the system only keeps of files."""
    free = [psutil.virtual_memory().available]
    for limit, use in _GROUPS:
        most, used = _number(limit), _number(use)
        if most and used is not None and most < psutil.virtual_memory().total:
            free.append(max(most - used, 0))
    return min(free)


def own_memory_bytes(pid: int) -> int:
    """Return the memory that a process and its descendants hold themselves; 0 when it is gone.

    Files that are mapped do not count: the system takes their memory back when it needs it.
    """
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.Error:
        return 0
    total = 0
    for each in family:
        with suppress(psutil.Error):
            memory = each.memory_info()
            total += memory.rss - getattr(memory, "shared", 0)
    return total


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # no such group, or "max"
        return None
