"""How a slide is divided among workers: what is measured here, and by simulation the curve to 256 workers.

python -m benchmarks.scale [--side 3072] [--slides 1] [--slide 22656x5594] [--no-workers] [--chart FILE.html]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

import torch

from benchmarks.compare import report
from benchmarks.scale.cluster import handling, two_over_one
from benchmarks.scale.record import Record, record
from benchmarks.scale.simulate import Work, curve, scaled, simulate
from cellapp.cli.options import parse_size
from cellapp.settings import AnalyseSettings
from cellapp.synthetic.settings import SyntheticSettings
from cellapp.synthetic.write import write_demo


def settings_of(tile_px: int, segmenter: str = "compact") -> AnalyseSettings:
    """Return the program's own settings, in tiles of a size."""
    return AnalyseSettings.model_validate({"segment": {"tile_px": tile_px, "segmenter": segmenter}})


def drawn(folder: Path, side_px: int, seed: int = 0) -> Path:
    """Draw a slide."""
    return write_demo(folder / f"{side_px}-{seed}", SyntheticSettings(height=side_px, width=side_px, seed=seed)).slide


def recorded(folder: Path, side_px: int, settings: AnalyseSettings) -> tuple[Path, Record]:
    """Draw a slide and record its run."""
    slide = drawn(folder, side_px)
    return slide, record(slide, settings, folder / f"out{side_px}")


def costs(record: Record) -> dict[str, object]:
    """Return what is done alone, and what is sent."""
    parts = [step for step in record.steps if step.parts_s]
    tiles = max(parts, key=lambda step: len(step.parts_s) if step.name == "Finding cells" else 0)
    longest = max(record.steps, key=lambda step: step.alone_s)
    return {
        "alone_share": record.alone_s / (record.alone_s + record.parts_s),
        "largest_alone": [longest.name, round(longest.alone_s, 2)],
        "tile_s": statistics.median(tiles.parts_s),
        "bytes_sent_per_tile": max(tiles.sent_bytes),
        "bytes_returned_per_tile": max(tiles.returned_bytes),
        "bytes_sent_per_part": max(max(step.sent_bytes) for step in parts),
        "n_cells": record.n_cells,
        "megapixels": record.megapixels,
    }


def draw(rows: list[dict], path: Path) -> None:
    """Write the curve as a page."""
    import plotly.graph_objects as go

    figure = go.Figure(go.Scatter(x=[row["workers"] for row in rows], y=[row["efficiency"] for row in rows]))
    figure.update_xaxes(type="log", title="workers").update_yaxes(title="efficiency", range=[0, 1.05])
    figure.write_html(path, include_plotlyjs=True)


def limits(rows: list[dict], least: float = 0.5) -> dict[str, object]:
    """Return the first number of workers that is used to less than half, and why."""
    first = next((row for row in rows if row["efficiency"] < least), None)
    return {"breaks_at": first["workers"], "breaks_by": first["largest_loss"]} if first else {"breaks_at": None}


def main() -> None:
    """Record two slides, ask a cluster, and simulate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=3072, help="px of the larger slide that is recorded")
    parser.add_argument("--tile-px", type=int, default=768)
    parser.add_argument("--slides", type=int, default=1, help="slides of that size in the runs of one and two workers")
    parser.add_argument("--slide", default="22656x5594", help="rows x columns of the slide that is simulated")
    parser.add_argument("--no-workers", action="store_true", help="leave out the runs of one and of two workers")
    parser.add_argument("--chart", type=Path, help="page to draw the curve to")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    settings, (height, width) = settings_of(chosen.tile_px), parse_size(chosen.slide)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        _, small = recorded(folder, chosen.side // 2, settings)
        slide, large = recorded(folder, chosen.side, settings)
        asked = handling(folder)
        slides = [slide, *(drawn(folder, chosen.side, seed) for seed in range(1, chosen.slides))]
        measured = {} if chosen.no_workers else two_over_one(slides, settings, folder)
    same = [Work(step.name, step.alone_s, tuple(step.parts_s), step.beside_s) for step in large.steps]
    given = {"handling_s": asked["scheduler_s_per_part"]}
    expected = simulate(same, 1, **given).total / (2 * simulate(same, 2, **given).total)
    rows = curve(scaled(small, large, height * width / 1e6), first_s=large.first_s, **given)
    if chosen.chart:
        draw(rows, chosen.chart)
    figures = costs(large) | asked | {"expected_efficiency_of_two": expected} | measured | limits(rows)
    report(
        "a slide divided among workers",
        ">= 0.85 of twice one by two",
        **figures,
        slides=chosen.slides,
        simulated=chosen.slide,
        curve=rows,
    )


if __name__ == "__main__":
    main()
