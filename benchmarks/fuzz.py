"""Damaged files of every kind: each is read or refused in one sentence, soon and within memory.

python -m benchmarks.fuzz --n 10000
"""

from __future__ import annotations

import argparse
import json
import select
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.child import ROOT
from benchmarks.fuzz_files import READERS, write_seeds

MOST_S = 20.0
MOST_BYTES = 2**30
"""More resident memory than this, of which the libraries take some 300 MB, ends the process that reads."""
_LOOK_S = 0.1


@dataclass(frozen=True)
class Outcome:
    """What became of one damaged file."""

    reader: str
    number: int
    end: str  # "read", "refused", "other" (exception), "hang", "memory" or "died"
    said: str = ""
    peak_bytes: int = 0


def fuzz(numbers: Sequence[tuple[str, int]], *, most_s: float = MOST_S) -> Iterator[Outcome]:
    """Read damaged files in a process of its own, which is started again after a file that ends it.

    Parameters
    ----------
    numbers : sequence of (str, int)
        Reader and number of each file, see `benchmarks.fuzz_files.write_damaged`.
    most_s : float
        Seconds after which reading one file counts as a hang.
    """
    with tempfile.TemporaryDirectory() as folder:
        write_seeds(Path(folder))
        process = _start(folder)
        try:
            for reader, number in numbers:
                found = _one(process, reader, number, most_s)
                yield found
                if found.end in ("hang", "memory", "died"):
                    _stop(process)
                    process = _start(folder)
        finally:
            _stop(process)


def _start(folder: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "benchmarks.fuzz_child", folder]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, cwd=ROOT, text=True, bufsize=1, **pipes)


def _stop(process: subprocess.Popen) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        pipe.close()


def _one(process: subprocess.Popen, reader: str, number: int, most_s: float) -> Outcome:
    try:
        process.stdin.write(f"{reader} {number}\n")
    except BrokenPipeError:
        return Outcome(reader, number, "died", "before it was asked")
    start_s, watched = time.monotonic(), psutil.Process(process.pid)
    while not select.select([process.stdout], [], [], _LOOK_S)[0]:
        if _resident(watched) > MOST_BYTES:
            return Outcome(reader, number, "memory", peak_bytes=_resident(watched))
        if time.monotonic() - start_s > most_s:
            return Outcome(reader, number, "hang")
    line = process.stdout.readline()
    if not line:
        return Outcome(reader, number, "died")
    said = json.loads(line)
    end = "memory" if said["peak"] > MOST_BYTES else said["end"]
    return Outcome(reader, number, end, said.get("said", ""), said["peak"])


def _resident(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.Error:
        return 0


def files(n_per_reader: int, first: int = 0) -> list[tuple[str, int]]:
    """Return the numbers of as many files of each reader."""
    return [(reader, first + number) for reader in READERS for number in range(n_per_reader)]


def main() -> int:
    """Print counts as one JSON object, and each file that was neither read nor refused."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=10_000, help="Files in all.")
    parser.add_argument("--first", type=int, default=0, help="Number of the first of each reader.")
    parser.add_argument("--reader", choices=READERS, help="Only this one.")
    options = parser.parse_args()
    per_reader = -(-options.n // (1 if options.reader else len(READERS)))
    numbers = [one for one in files(per_reader, options.first) if options.reader in (None, one[0])]
    counts, peak = Counter(), 0
    for found in fuzz(numbers):
        counts[found.end] += 1
        peak = max(peak, found.peak_bytes)
        if found.end not in ("read", "refused"):
            print(f"{found.reader} {found.number}: {found.end} {found.said}", file=sys.stderr, flush=True)
    known = {end: counts[end] for end in ("read", "refused", "other", "hang", "memory", "died")}
    print(json.dumps({"claim": "damaged files are read or refused", "n": len(numbers), **known, "peak_mb": peak >> 20}))
    return int(counts.total() != counts["read"] + counts["refused"])


if __name__ == "__main__":
    sys.exit(main())
