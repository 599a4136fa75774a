"""How the process of a worker ends: with the one that watches it, first when memory runs out, and with its own."""

from __future__ import annotations

import ctypes
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from cellapp.compute.executor import end_with_parent

_SIGNAL_AT_PARENTS_DEATH = 1  # PR_SET_PDEATHSIG, see prctl(2)


def die_first() -> None:
    """End this process with the one that watches it, and let the system choose it when memory runs out."""
    end_with_parent()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SIGNAL_AT_PARENTS_DEATH, signal.SIGKILL)  # even where a library never returns
        with suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")


def kill_family(process: Any) -> None:
    """Kill a process and those that it started for an engine."""
    with suppress(psutil.Error):
        for child in psutil.Process(process.pid).children(recursive=True):
            with suppress(psutil.Error):
                child.kill()
    process.kill()
    process.join()
