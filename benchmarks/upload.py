"""Upload a large file by a browser: memory of the server, and what the page tells meanwhile.

python -m benchmarks.upload
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
import tifffile

from benchmarks.compare import report
from benchmarks.disturb import scene
from benchmarks.disturb.page_session import FLAGS

_MB = 1e6
_BARS = "[...document.querySelectorAll('[role=progressbar]')].map((bar) => bar.ariaValueNow || bar.textContent)"


def main() -> None:
    """Measure with a home of its own, which is deleted afterwards."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mb", type=int, default=640)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        figures = measure(Path(folder), chosen.mb, chosen.chromium)
    report("A large upload keeps no copy in memory and tells how far it is", "memory: a few MB more", **figures)


def measure(base: Path, n_mb: int, chromium: str) -> dict[str, object]:
    """Serve an empty home, upload a slide by a browser and follow the memory of the server."""
    from playwright.sync_api import sync_playwright

    path = write_slide(base / "large.tif", n_mb)
    servers: list[subprocess.Popen[bytes]] = []
    with scene.serving(base / "home", servers) as address, sync_playwright() as playwright:
        (server,) = psutil.Process(servers[0].pid).children()
        tab = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS)).new_page()
        tab.goto(address)
        field = tab.locator("input[type=file]").first
        field.wait_for(state="attached", timeout=60_000)
        before, start_s = server.memory_info().rss, time.monotonic()
        field.set_input_files(str(path), timeout=600_000)
        peak, told = before, set()
        done = tab.get_by_role("button", name="Segment 1 image")
        while not done.count():
            peak = max(peak, server.memory_info().rss)
            told |= set(tab.evaluate(_BARS))
            if time.monotonic() - start_s > scene.PATIENT_S:
                raise TimeoutError("the slide was not added")
        took_s, after = time.monotonic() - start_s, server.memory_info().rss
    scene.kill_worker_of(base / "home")
    more = {"peak_mb_more": round((peak - before) / _MB), "afterwards_mb_more": round((after - before) / _MB)}
    return {"mb": round(path.stat().st_size / _MB), **more, "seconds": round(took_s, 1), "steps_told": len(told)}


def write_slide(path: Path, n_mb: int) -> Path:
    """Write a slide of one channel, in tiles that are not compressed."""
    side = int((n_mb * _MB) ** 0.5) // 256 * 256
    tile = np.random.default_rng(0).integers(0, 255, (256, 256), dtype=np.uint8)
    tiles = (tile for _ in range((side // 256) ** 2))
    tifffile.imwrite(path, tiles, shape=(side, side), dtype=np.uint8, tile=(256, 256), photometric="minisblack")
    return path


if __name__ == "__main__":
    main()
