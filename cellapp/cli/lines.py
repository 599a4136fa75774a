"""`lines`: cell lines from time series of images."""

from __future__ import annotations

from pathlib import Path

import typer

from cellapp.cli.output import JSON_OPTION, Progress, emit
from cellapp.settings import DEFAULT_ENCODER

lines = typer.Typer(help="Name cell lines from time series of images.", no_args_is_help=True)
_SEQUENCES = typer.Argument(
    ...,
    metavar="SEQUENCES_DIR",
    help="<line>/<batch>/<place>_02d12h00m.png, or an index.csv.",
)


@lines.command()
def train(
    folder: Path = _SEQUENCES,
    out: Path = typer.Option(..., "--out", help="Folder for the network and its metrics.", file_okay=False),
    encoder: str = typer.Option(DEFAULT_ENCODER, help="Name in `models list`, or a folder."),
    epochs: int = typer.Option(60, help="Steps of training."),
    segments: int = typer.Option(4, help="Parts of a sequence of which a step sees one image each."),
    seed: int = typer.Option(0, help="Decides weights and folds."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Learn lines from sequences, measured on batches that were not seen beside the score that mixes batches."""
    from cellapp.settings_io import validated
    from cellapp.training.lines.fit import LineRecipe
    from cellapp.training.lines.train import train_lines

    recipe = validated(LineRecipe, {"epochs": epochs, "segments": segments, "seed": seed})
    progress = Progress()
    metrics = train_lines(folder, out, recipe, encoder=encoder, on_step=progress)
    progress.end()
    plainer = ", ".join(f"{name} {accuracy:.0%}" for name, accuracy in metrics["baselines"].items())
    emit({"out": str(out), **metrics}, as_json, [metrics["sentence"], f"Plainer ways on the same batches: {plainer}"])


@lines.command()
def predict(
    folder: Path = _SEQUENCES,
    model: Path = typer.Option(..., "--model", help="Folder that `lines train` wrote."),
    out: Path = typer.Option(..., "--out", help="Folder for predictions.csv, attention.csv, growth.csv."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Name the line of each sequence, and say which patches and times it rests on."""
    from cellapp.training.lines.train import predict_lines

    progress = Progress()
    table = predict_lines(folder, model, out, on_step=progress)
    progress.end()
    counts = table["called"].value_counts().to_dict()
    emit({"out": str(out), "n": len(table), "counts": counts}, as_json, [f"{n:,} {name}" for name, n in counts.items()])
