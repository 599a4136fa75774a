"""A worker with handlers of its own, run as a process by the tests that kill it."""

import sys
import time
from pathlib import Path

from cellapp.jobs.worker import run_worker


def count(payload, on_step):
    """Write one line per item; items that are in the file are done and not done again."""
    path, n = Path(payload["path"]), payload["n"]
    done = len(path.read_text().splitlines()) if path.exists() else 0
    for i in range(done, n):
        on_step(f"item {i}", i / n)
        time.sleep(payload["pause_s"])
        with path.open("a") as file:
            file.write(f"{i}\n")
    return {"n": n}


if __name__ == "__main__":
    run_worker(handlers={"count": count}, poll_s=0.05, once="--once" in sys.argv, lost_after_s=5)
