"""`lines` and `growth`: cell lines from time series of images, labels of slides from their cells, and growth curves."""

from __future__ import annotations

from pathlib import Path

import typer

from cellapp.cli.checked import Commands
from cellapp.cli.options import SEED
from cellapp.cli.output import JSON_OPTION, Progress, emit
from cellapp.settings import DEFAULT_ENCODER

lines = Commands(help="Name cell lines from time series, or slides from their cells.", no_args_is_help=True)
_SEQUENCES = typer.Argument(
    ...,
    metavar="SEQUENCES_DIR|RUN_OUT",
    help="<line>/<batch>/<place>_02d12h00m.png, or an index.csv; or the --out folder of `analyse` with --table.",
)
_TABLE = typer.Option(None, help="With RUN_OUT: CSV with image, line (the slide's label), batch.", dir_okay=False)
_PATTERN = typer.Option(
    "", help="Parts of file names: {line}_{batch}_{place}_{time}; without it the time is at the end."
)
_EVERY = typer.Option(1.0, "--every", min=1e-6, max=1e6, help="Hours between images whose names count them (t01, t02).")


@lines.command()
def train(
    folder: Path = _SEQUENCES,
    out: Path = typer.Option(..., "--out", help="Folder for the network and its metrics.", file_okay=False),
    table: Path = _TABLE,
    encoder: str = typer.Option(None, help="Name in `models list`, or a folder, such as `lines pretrain` writes."),
    epochs: int = typer.Option(60, help="Steps of training."),
    segments: int = typer.Option(4, help="Parts of a sequence of which a step sees one image each."),
    seed: int = typer.Option(0, **SEED, help="Decides weights and folds."),
    pattern: str = _PATTERN,
    every: float = _EVERY,
    as_json: bool = JSON_OPTION,
) -> None:
    """Learn lines from sequences, measured on batches that were not seen beside the score that mixes batches."""
    from cellapp.pipeline.time_series import Naming
    from cellapp.settings_io import validated
    from cellapp.training.lines.recipe import LineRecipe
    from cellapp.training.lines.train import train_lines

    recipe = validated(LineRecipe, {"epochs": epochs, "segments": segments, "seed": seed})
    progress, naming = Progress(), Naming(pattern, every)
    metrics = train_lines(folder, out, recipe, encoder=encoder, table=table, naming=naming, on_step=progress)
    progress.end()
    plainer = ", ".join(f"{name} {accuracy:.0%}" for name, accuracy in metrics["baselines"].items())
    emit({"out": str(out), **metrics}, as_json, [metrics["sentence"], f"Plainer ways on the same batches: {plainer}"])


@lines.command()
def pretrain(
    folder: Path = typer.Argument(..., metavar="SEQUENCES_DIR", help="Sequences; their lines are not looked at."),
    out: Path = typer.Option(
        ..., "--out", help="Folder for the encoder; goes on where it was stopped.", file_okay=False
    ),
    encoder: str = typer.Option(DEFAULT_ENCODER, help="Start from this encoder: a name in `models list` or a folder."),
    steps: int = typer.Option(None, min=1, help="Steps of learning (200)."),
    recipe: Path = typer.Option(None, "--recipe", help="TOML file as `pretrain` takes it.", dir_okay=False),
    seed: int = typer.Option(0, **SEED, help="Another seed, another encoder."),
    pattern: str = _PATTERN,
    every: float = _EVERY,
    as_json: bool = JSON_OPTION,
) -> None:
    """Let an encoder learn on from the patches of these batches, for `lines train --encoder`."""
    from cellapp.compute.devices import probe_device, probe_dtype
    from cellapp.config import app_settings
    from cellapp.pipeline.time_series import Naming
    from cellapp.training.lines.pretrain import pretrain_on_patches

    device = probe_device(app_settings().device)
    progress, machine = Progress(), {"device": device, "dtype": probe_dtype(device, app_settings().dtype)}
    how = {"encoder": encoder, "steps": steps, "seed": seed, "recipe": recipe, "naming": Naming(pattern, every)}
    result = pretrain_on_patches(folder, out, **how, **machine, on_step=progress)
    progress.end()
    emit(result, as_json, [f"{out}: {result['n']:,} patches, {result['step']:,} steps; use it with --encoder {out}"])


@lines.command()
def predict(
    folder: Path = _SEQUENCES,
    model: Path = typer.Option(..., "--model", help="Folder that `lines train` wrote."),
    out: Path = typer.Option(
        ..., "--out", help="Folder for predictions.csv, attention.csv, growth.csv.", file_okay=False
    ),
    table: Path = _TABLE,
    pattern: str = _PATTERN,
    every: float = _EVERY,
    as_json: bool = JSON_OPTION,
) -> None:
    """Name the line of each sequence, and say which patches and times it rests on."""
    from cellapp.pipeline.time_series import Naming
    from cellapp.training.lines.train import predict_lines

    progress, naming = Progress(), Naming(pattern, every)
    rows = predict_lines(folder, model, out, table=table, naming=naming, on_step=progress)
    progress.end()
    counts = rows["called"].value_counts().to_dict()
    emit({"out": str(out), "n": len(rows), "counts": counts}, as_json, [f"{n:,} {name}" for name, n in counts.items()])


def growth(
    folder: Path = typer.Argument(
        ...,
        metavar="SEQUENCES_DIR|RUN_OUT",
        help="Images over time, or the --out folder of `analyse`: cells are counted.",
    ),
    out: Path = typer.Option(
        ..., "--out", help="Folder for growth.csv, doubling.csv, growth.html, growth.svg.", file_okay=False
    ),
    pattern: str = _PATTERN,
    every: float = _EVERY,
    as_json: bool = JSON_OPTION,
) -> None:
    """Draw covered area or cells over time, and say how fast they double, with the 95 % interval."""
    from cellapp.exports.growth import measures_of
    from cellapp.exports.growth_chart import sentences
    from cellapp.pipeline.growth import growth_of_folder
    from cellapp.pipeline.time_series import Naming

    progress = Progress()
    rows = growth_of_folder(folder, out, naming=Naming(pattern, every), on_step=progress)
    progress.end()
    said = {measure: sentences(rows, measure) for measure in measures_of(rows)}
    found = {"out": str(out), "n": rows["sequence"].nunique(), "sentences": said}
    emit(found, as_json, [sentence for each in said.values() for sentence in each])
