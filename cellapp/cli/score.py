"""`score`: predictions against truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from cellapp.cli.output import JSON_OPTION, emit

score = typer.Typer(help="Compare results with truth.")


@score.callback()
def _group() -> None:
    """Compare results with truth."""


@score.command()
def segmentation(
    pred: Path = typer.Argument(..., metavar="PRED", help="Label image, folder, or --out of segment or analyse."),
    truth: Path = typer.Argument(..., metavar="TRUTH", help="Label image, or folder matched by stem."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Average precision at IoU 0.5 and 0.75, Dice and IoU, per image and mean."""
    from cellapp.segmentation.metrics_files import score_paths

    result = score_paths(pred, truth)
    lines = [f"{row['image']}: {_figures(row)}" for row in result["images"]]
    lines.append(f"mean of {result['n']}: {_figures(result['mean'])}")
    emit(result, as_json, lines)


def _figures(row: dict[str, Any]) -> str:
    return f"AP@0.5 {row['ap50']:.3f}, AP@0.75 {row['ap75']:.3f}, Dice {row['dice']:.3f}, IoU {row['iou']:.3f}"
