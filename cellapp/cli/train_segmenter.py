"""`train-segmenter` and `score segmenter`: networks from recipes, and how good they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from cellapp.cli.output import JSON_OPTION, Progress, emit

_DATA = typer.Option(..., "--data", help="Folder with dsb2018 and usiigaci, each with index.csv, images and labels.")


def train_segmenter(
    recipe: Path = typer.Option(..., "--recipe", help="TOML file, such as models/compact/recipe.toml."),
    data: Path = _DATA,
    out: Path = typer.Option(..., "--out", help="Folder for weights and checkpoints; goes on where it was stopped."),
    start: Path = typer.Option(None, "--start", help="Folder of a network of the same shape to set out from."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Train a segmentation network from a recipe."""
    from cellapp.compute.devices import probe_device, probe_dtype
    from cellapp.config import app_settings
    from cellapp.settings_io import read_recipe
    from cellapp.training.segmenter.recipe import SegmenterRecipe
    from cellapp.training.segmenter.train import train_segmenter as train

    chosen = read_recipe(SegmenterRecipe, recipe)
    device = probe_device(app_settings().device)
    dtype = probe_dtype(device, app_settings().dtype)
    progress = Progress()
    train(chosen, data, out, start=start, device=device, dtype=dtype, on_step=progress)
    progress.end()
    emit({"out": str(out), "steps": chosen.steps}, as_json, [str(out)])


def score_segmenter(
    name: str = typer.Argument(..., help="Name in `models list`, or the folder of a trained network."),
    data: Path = _DATA,
    out: Path = typer.Option(None, "--out", help="File to write, metrics.json."),
    held_out: float = typer.Option(
        0.0,
        "--held-out",
        min=0.0,
        max=0.9,
        help="Score the share of the training images that a recipe holds out.",
    ),
    failures: Path = typer.Option(None, "--failures", help="Folder for a picture of the worst image of each kind."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Score a segmenter on validation images by kind, beside the classical one, with bootstrap intervals."""
    import json

    from cellapp.models.load import load_model
    from cellapp.training.segmenter.evaluate import evaluate_segmenter

    progress = Progress()
    segmenter = load_model(name, dtype="float32")
    figures = evaluate_segmenter(segmenter, data, held_out=held_out, failures=failures, on_step=progress)
    progress.end()
    if out is not None:
        out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    emit(figures, as_json, [_line(kind, row) for kind, row in figures["kinds"].items()])


def _line(kind: str, row: dict[str, Any]) -> str:
    parts = [f"{who} AP@0.5 {_interval(row[who]['ap50'])}" for who in ("segmenter", "classical")]
    return f"{kind}, {row['n_images']} images: {', '.join(parts)}"


def _interval(figure: dict[str, float | None]) -> str:
    if figure["low"] is None:
        return f"{figure['mean']:.3f}"
    return f"{figure['mean']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"
