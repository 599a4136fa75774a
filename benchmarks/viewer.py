"""Serve tiles of a whole slide: what one takes on the server, and whether a thousand of them leave anything behind.

python -m benchmarks.viewer
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import tempfile
import time
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import psutil

from benchmarks.compare import report

COLOURS = ("FF0000", "00FF00", "0000FF", "FFFFFF")


def main() -> None:
    """Measure in a store of its own, which is deleted afterwards."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", default="22656x5594", help="width x height in pixels")
    parser.add_argument("--requests", type=int, default=1000)
    chosen = parser.parse_args()
    width, height = (int(side) for side in chosen.size.split("x"))
    with tempfile.TemporaryDirectory() as home:
        os.environ["CELLAPP_HOME"] = home
        figures = measure(Path(home), (height, width), chosen.requests)
    report(
        "Any tile of a whole slide is served within 300 ms, and memory does not grow with their number",
        "no tile over 300 ms once the file is open; less than 100 MB more after 1,000 requests",
        slide=f"{width} x {height} x {len(COLOURS)} uint8, tiled TIFF without smaller levels",
        **figures,
    )


def measure(home: Path, shape: tuple[int, int], n_requests: int) -> dict[str, object]:
    """Ask for tiles of all levels: before there is a pyramid, with it, again from the cache, and many in a row."""
    from fastapi.testclient import TestClient

    from benchmarks.wide_slide import seed_image, seed_run
    from cellapp.api.app import api
    from cellapp.store.open_image import make_pyramid

    image = seed_image(home / "seed", shape, len(COLOURS))
    run = seed_run(image)
    client = TestClient(api)
    before = _timed(client, islice(_addresses(image, None, look=0), 60))
    start = time.perf_counter()
    make_pyramid(image.id)
    pyramid_s = time.perf_counter() - start
    addresses = list(islice(_addresses(image, run, look=1), 200))
    opened = _timed(client, addresses[:2])
    drawn, kept = _timed(client, addresses[2:]), _timed(client, addresses[2:])
    process = psutil.Process()
    rss = process.memory_info().rss
    many = _timed(client, islice((a for look in cycle(range(2, 50)) for a in _addresses(image, run, look)), n_requests))
    return {
        **_spread("without_pyramid_ms", before),
        "make_pyramid_s": round(pyramid_s, 1),
        "first_tile_ms": round(opened[0][0], 1),
        **_spread("drawn_ms", drawn),
        **_spread("kept_ms", kept),
        **_spread("many_ms", many),
        "requests": len(many),
        "memory_growth_mb": round((process.memory_info().rss - rss) / 2**20, 1),
    }


def _addresses(image: object, run: object | None, look: int) -> Iterator[str]:
    """Name tiles of every level, coarse ones first, as a visitor would come by them, each level's at random."""
    from cellapp.auth.tile_pass import make_pass
    from cellapp.viewer.multiscale_reader import TILE_PX, n_levels

    shape = image.info.shape[1:]
    channels = ";".join(f"{colour},{look},{200 + look},1" for colour in COLOURS)
    draw = np.random.default_rng(look)
    for level in reversed(range(n_levels(shape))):
        rows, columns = (-(-side // (TILE_PX * 2**level)) for side in shape)
        places = draw.permutation(rows * columns)[:20]
        for y, x in ((int(at) // columns, int(at) % columns) for at in places):
            yield f"/images/{image.id}/tiles/{level}/{x}_{y}.jpg?channels={channels}&pass={make_pass(image.id)}"
            if run is not None:
                labels = f"/runs/{run.id}/images/{image.id}/labels/{level}/{x}_{y}.png"
                yield f"{labels}?threshold={0.5 + look / 1000}&pass={make_pass(image.id)}"


def _timed(client: object, addresses: Iterator[str]) -> list[tuple[float, float]]:
    """Return the time and the processor time of each request in milliseconds, from the header Server-Timing."""
    times = []
    for address in addresses:
        answer = client.get(address)
        answer.raise_for_status()
        tile, cpu = re.findall(r"dur=([\d.]+)", answer.headers["server-timing"])
        times.append((float(tile), float(cpu)))
    return times


def _spread(name: str, times_ms: list[tuple[float, float]]) -> dict[str, float]:
    tile_ms, cpu_ms = zip(*times_ms, strict=True)
    return {
        f"{name}_median": round(statistics.median(tile_ms), 1),
        f"{name}_p95": round(float(np.percentile(tile_ms, 95)), 1),
        f"{name}_max": round(max(tile_ms), 1),
        f"{name}_max_of_processor": round(max(cpu_ms), 1),  # a machine that pauses adds nothing to this one
    }


if __name__ == "__main__":
    main()
