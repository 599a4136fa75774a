"""Runs one side of a benchmark in a process of its own, because peak memory is that of a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Spent:
    """Time and memory a process took."""

    wall_s: float
    cpu_s: float
    peak_mb: float  # largest resident memory
    said: dict  # last line of its output, where that is a JSON object


def run(module: str, arguments: Sequence[object], *, kill_when: Callable[[], bool] | None = None) -> Spent:
    """Run ``python -m module``.

    Parameters
    ----------
    module : str
    arguments : sequence
        Put into words by `str`.
    kill_when : callable, optional
        Asked ten times a second; the process is killed (SIGKILL) as soon as it says so.

    Raises
    ------
    RuntimeError
        When the process fails without having been killed.
    """
    start = time.perf_counter()
    command = [sys.executable, "-m", module, *map(str, arguments)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        killed = _watch(process, kill_when) if kill_when else False
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode and not killed:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    peak_mb = usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return Spent(time.perf_counter() - start, usage.ru_utime + usage.ru_stime, round(peak_mb, 1), _last_object(output))


def _watch(process: subprocess.Popen, kill_when: Callable[[], bool]) -> bool:
    # Not polled: that would reap the process before its cost is asked for.
    while not os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
        if kill_when():
            process.kill()
            return True
        time.sleep(0.1)
    return False


def _last_object(output: str) -> dict:
    lines = output.strip().splitlines()
    return json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}
