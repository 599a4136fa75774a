"""`pretrain`: an encoder from pictures of single cells without labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from cellapp.cli.output import JSON_OPTION, Progress, emit


def pretrain(
    crops: Path = typer.Argument(
        ..., metavar="CROPS_DIR", help="Folder of single-cell pictures; with a recipe that names sources, of those."
    ),
    out: Path = typer.Option(
        ..., "--out", help="Folder for the encoder and checkpoints; goes on where it was stopped."
    ),
    recipe: Path = typer.Option(None, "--recipe", help="TOML file, such as models/cell-vit/recipe.toml."),
    encoder: str = typer.Option(
        None, "--encoder", help="Start from this encoder: a name in `models list` or a folder."
    ),
    steps: int = typer.Option(None, "--steps", min=1, help="Steps of learning."),
    epochs: float = typer.Option(None, "--epochs", min=0, help="The same as passes over the crops."),
    seed: int = typer.Option(None, "--seed", min=0, help="Another seed, another encoder."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Pretrain an encoder by self-distillation; `--encoder DIR` takes the result everywhere."""
    from cellapp.compute.devices import probe_device, probe_dtype
    from cellapp.config import app_settings
    from cellapp.training.encoder.run import PretrainOptions, run

    device = probe_device(app_settings().device)
    dtype = probe_dtype(device, app_settings().dtype)
    progress = Progress()
    options = PretrainOptions(recipe=recipe, encoder=encoder, steps=steps, epochs=epochs, seed=seed)
    result = run(crops, out, options, device=device, dtype=dtype, on_step=progress)
    progress.end()
    emit(result, as_json, [f"{out}: {result['n']:,} crops, {result['step']:,} steps, {_judged(result)}"])


def _judged(result: dict[str, Any]) -> str:
    if result["knn"] is None:
        return "no classes to judge by: sort crops into a folder per class to see a kNN accuracy"
    return f"kNN accuracy {result['knn']:.3f}, untrained {result['knn_untrained']:.3f}"
