"""The whole job on a whole slide: time per megapixel against 1/16 of the area, peak memory, and the cost of a kill.

python -m benchmarks.slides [--size 22656x5594] [--keep DIR]
"""

from __future__ import annotations

import argparse
import csv
import shlex
import tempfile
import time
from pathlib import Path

from benchmarks.child import Spent, run
from benchmarks.compare import report
from cellapp.cli.options import parse_size

SMALLER = 4  # times each way: 1/16 of the area


def demo(folder: Path, size: tuple[int, int]) -> Path:
    """Draw a synthetic slide of four channels, 8 bit, unless it is there."""
    slide = folder / f"{size[0]}x{size[1]}" / "demo.tif"
    if not slide.exists():
        options = ["--size", f"{size[0]}x{size[1]}", "--n-channels", 4, "--dtype", "uint8"]
        run("cellapp", ["demo", "--out", slide.parent, *options])
    return slide


def analyse(slide: Path, out: Path, *more: object, **watch: object) -> Spent:
    """Run the whole job from the command line, with the program's own defaults."""
    return run("cellapp", ["analyse", slide, "--out", out, "--json", *more], **watch)


def per_megapixel(slide: Path, small: Path, out: Path, *more: object) -> tuple[Spent, dict]:
    """Compare a slide with one of 1/16 of its area; start-up and loading of models count on both sides."""
    spent = [analyse(path, out / path.parent.name, *more) for path in (slide, small)]
    megapixels = [_megapixels(path) for path in (slide, small)]
    wall, cpu = ([getattr(s, name) / n for s, n in zip(spent, megapixels, strict=True)] for name in ("wall_s", "cpu_s"))
    return spent[0], {
        "ratio": wall[0] / wall[1],
        "cpu_ratio": cpu[0] / cpu[1],
        "peak_mb": spent[0].peak_mb,
        "small_peak_mb": spent[1].peak_mb,
        "megapixels": round(megapixels[0], 2),
        "s_per_megapixel": wall[0],
        "n_cells": [_n_cells(out / path.parent.name) for path in (slide, small)],
    }


def resumed(slide: Path, out: Path, undisturbed: Spent, expected: Path, *more: object) -> dict:
    """Kill the job (SIGKILL) when half of the undisturbed time is over, go on with ``--resume``, add up both parts."""
    middle = time.monotonic() + undisturbed.wall_s / 2
    first = analyse(slide, out, *more, kill_when=lambda: time.monotonic() >= middle)
    second = analyse(slide, out, "--resume", *more)
    return {
        "ratio": (first.wall_s + second.wall_s) / undisturbed.wall_s,
        "cpu_ratio": (first.cpu_s + second.cpu_s) / undisturbed.cpu_s,
        "killed_after_s": first.wall_s,
        "same_cells": _cells(out) == _cells(expected),
    }


def main(arguments: list[str] | None = None) -> None:
    """Measure the claims about whole slides."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="22656x5594", help="rows x columns of the slide")
    parser.add_argument("--keep", type=Path, help="folder that keeps slides and results")
    parser.add_argument("--no-resume", action="store_true", help="leave out the kill and the third run")
    parser.add_argument("--options", default="", help="further options of `python -m cellapp analyse`")
    chosen = parser.parse_args(arguments)
    size, more = parse_size(chosen.size), shlex.split(chosen.options)
    with tempfile.TemporaryDirectory() as scratch:
        folder = chosen.keep or Path(scratch)
        slide, small = demo(folder, size), demo(folder, (size[0] // SMALLER, size[1] // SMALLER))
        spent, figures = per_megapixel(slide, small, folder / "whole", *more)
        words = " ".join([f"whole job, {chosen.size} x 4 uint8", *more])
        report(f"{words}: time per megapixel over that of 1/16 of the area; peak memory", "<= 1.15; 3 GB", **figures)
        if not chosen.no_resume:
            figures = resumed(slide, folder / "resumed", spent, folder / "whole" / slide.parent.name, *more)
            report(f"{words}: killed half way and resumed, over undisturbed", "<= 1.15", **figures)


def _megapixels(slide: Path) -> float:
    height, width = parse_size(slide.parent.name)
    return height * width / 1e6


def _cells(out: Path) -> bytes:
    return (out / "demo" / "cells.csv").read_bytes()


def _n_cells(out: Path) -> int:
    with (out / "summary.csv").open(newline="") as file:
        return int(next(csv.DictReader(file))["n_cells"])


if __name__ == "__main__":
    main()
