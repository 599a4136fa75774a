"""`train` and `pretrain`: heads and encoders from images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from cellapp.cli.checked import refuse_idle
from cellapp.cli.options import SEED
from cellapp.cli.output import JSON_OPTION, Progress, emit, note


def train(
    labelled: Path = typer.Argument(
        ...,
        metavar="LABELLED_DIR",
        help="A folder per class, or index.csv: file, class. With --run a CSV of images (file, and columns about them) "
        "or of labels of cells.",
    ),
    out: Path = typer.Option(..., "--out", help="Folder for the head; its name is the head's.", file_okay=False),
    recipe: Path = typer.Option(None, "--recipe", help="TOML file; options given beside it change it."),
    encoder: str = typer.Option(None, help="Name in `models list`, or a folder in Hugging Face or timm format."),
    mode: str = typer.Option(
        None, help="probe (default): a head on frozen vectors; finetune: the encoder learns, too."
    ),
    blocks: int = typer.Option(None, min=0, help="Fine-tuning: last blocks of the encoder that learn (3)."),
    epochs: int = typer.Option(None, min=1, help="Fine-tuning: at most so many passes over the cells (15)."),
    features: str = typer.Option(
        None, help="embedding; both: with measurements of each crop; cytoskeleton: with fibres and texture (slower)."
    ),
    views: int = typer.Option(None, help="8 averages turned and mirrored views (default); 1 is eight times faster."),
    channels_as: str = typer.Option(
        None, help="roles (default): three planes; each: every channel by itself, vectors joined."
    ),
    group_column: str = typer.Option(None, help="Column of the CSV with the slide, plate or patient."),
    run: list[Path] = typer.Option(None, "--run", help="Folder that `analyse --out` wrote: train on its cells."),
    column: str = typer.Option(None, help="With --run: column of the CSV that says what the cells are; class."),
    labels: Path = typer.Option(
        None, "--labels", help="With --run: labels of cells, as `label export` writes them; they win over --column."
    ),
    image: list[str] = typer.Option(
        None, "--image", metavar="INPUT", help="With --run and fine-tuning: images analysed; a project has its own."
    ),
    classes: str = typer.Option(None, help="With --run: classes of its values, MCF7=cancer,MCF10A=normal."),
    positive: str = typer.Option(None, help="Class the one-sided figures speak of; cancer where it exists."),
    folds: int = typer.Option(None, help="At most this many folds."),
    seed: int = typer.Option(None, **SEED, help="Decides the folds."),
    resample: str = typer.Option(None, help="none, over, under, enn, tomek or smote, of training parts only."),
    class_weights: bool = typer.Option(None, "--class-weights", help="Weight cells by the rarity of their class."),
    batch_effects: str = typer.Option(None, help="none, scale or controls: take out how groups differ."),
    control: str = typer.Option(None, help="Class of the control cells that batch effects are learnt from."),
    grid: list[str] = typer.Option(
        None, "--grid", help="resample=none,over: values to choose from inside training parts; repeat for others."
    ),
    keep_folds: bool = typer.Option(None, "--keep-folds", help="Write the head of each fold, too, for an ensemble."),
    baselines: bool = typer.Option(None, "--baselines", help="Score plainer methods on the same folds."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Train a head that tells classes of cells apart, measured on groups it has not seen."""
    from cellapp.cli.head_figures import figure_lines, file_lines
    from cellapp.cli.train_runs import parse_grid, train_on_runs
    from cellapp.errors import InputError
    from cellapp.settings_io import read_recipe
    from cellapp.training.classifier.recipe import HeadRecipe
    from cellapp.training.classifier.train import train_head

    _refuse_without_run(run, column, classes, labels, image)

    learning = {"mode": mode, "finetune": {"blocks": blocks, "epochs": epochs}, "encoder": encoder, "views": views}
    learning |= {"features": features, "channels_as": channels_as, "batch_effects": batch_effects, "control": control}
    learning |= {"resample": resample, "class_weights": class_weights or None}
    measuring = {"group_column": group_column, "positive": positive, "folds": folds, "seed": seed}
    measuring |= {"grid": parse_grid(grid) if grid else None, "keep_folds": keep_folds or None}
    measuring |= {"baselines": baselines or None}
    chosen = read_recipe(HeadRecipe, recipe, called="recipe of a head", **learning, **measuring)
    if chosen.mode == "probe" and (blocks is not None or epochs is not None):
        raise InputError("--blocks and --epochs are of fine-tuning; give --mode finetune with them")
    refuse_idle("--image", image, "without --mode finetune" if image and chosen.mode == "probe" else "")
    progress = Progress()
    if run:
        metrics = train_on_runs(labelled, out, chosen, run, column, classes, labels, progress, images=image or ())
    else:
        metrics = train_head(labelled, out, chosen, progress)
    progress.end()
    _note_left_out(metrics)
    emit(metrics | {"out": str(out)}, as_json, [*figure_lines(metrics), *_verdict_lines(metrics), *file_lines(out)])


def _refuse_without_run(run: list[Path] | None, *of_runs: Any) -> None:
    """Raise InputError where options that are about images of a run are given without one."""
    from cellapp.errors import InputError

    if not run and any(of_runs):
        raise InputError(
            "--column, --classes, --labels and --image are about images of a run; name its folder with --run"
        )


def _note_left_out(metrics: dict[str, Any]) -> None:
    """Say on stderr what was left out, and why there is no score."""
    said = (metrics.get("from_scratch"), metrics["warning"], metrics["reason"])
    for sentence in (*said, *(f"left out: {why}" for why in metrics["left_out"])):
        if sentence:
            note(f"cellapp: {sentence}")


def _verdict_lines(metrics: dict[str, Any]) -> list[str]:
    """How good the head is, in one sentence, and what speaks against trusting it."""
    looks = (metrics.get("earlier_looks") or {}).get("sentence")
    return [metrics["sentence"], *(f"- {doubt}" for doubt in [*metrics["doubts"], *filter(None, [looks])])]


def pretrain(
    crops: Path = typer.Argument(
        ..., metavar="CROPS_DIR", help="Folder of single-cell pictures; with a recipe that names sources, of those."
    ),
    out: Path = typer.Option(
        ..., "--out", help="Folder for the encoder and checkpoints; goes on where it was stopped.", file_okay=False
    ),
    recipe: Path = typer.Option(None, "--recipe", help="TOML file, such as models/cell-vit/recipe.toml."),
    encoder: str = typer.Option(
        None, "--encoder", help="Start from this encoder: a name in `models list` or a folder."
    ),
    steps: int = typer.Option(None, "--steps", min=1, help="Steps of learning."),
    epochs: float = typer.Option(None, "--epochs", min=0, max=1e6, help="The same as passes over the crops."),
    seed: int = typer.Option(None, "--seed", **SEED, help="Another seed, another encoder."),
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
    for why in result["left_out"]:
        note(f"cellapp: left out: {why}")
    emit(result, as_json, [f"{out}: {result['n']:,} crops, {result['step']:,} steps, {_knn_sentence(result)}"])


def _knn_sentence(result: dict[str, Any]) -> str:
    if result["knn"] is None:
        return "no classes to judge by: sort crops into a folder per class to see a kNN accuracy"
    return f"kNN accuracy {result['knn']:.3f}, untrained {result['knn_untrained']:.3f}"
