"""`train-segmenter`: a segmentation network from a recipe, or one that there is retrained on images of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from cellapp.cli.options import SEED
from cellapp.cli.output import JSON_OPTION, Progress, emit, note

_LEARNT_BEFORE = "compact-stained"


def train_segmenter(
    data: Path = typer.Option(
        ...,
        "--data",
        help="Folder of images and label images: an index.csv with file and labels (and group, split), folders images "
        "and labels, or a.tif beside a_masks.tif or a_seg.npy; sub-folders are groups. With a recipe also the sets "
        "that the bundled networks were trained on.",
    ),
    out: Path = typer.Option(
        ..., "--out", help="Folder for weights, curves.json, checkpoints; goes on where it stopped.", file_okay=False
    ),
    recipe: Path = typer.Option(
        None, "--recipe", help="TOML file, such as models/compact/recipe.toml; without one a network is retrained."
    ),
    start: str = typer.Option(
        None, "--start", help="Network to set out from: a folder, or a name in `models list`; else compact-stained."
    ),
    held_out: float = typer.Option(
        None, "--held-out", min=0, max=0.9, help="Retraining: share of the groups that are only scored; 0.25."
    ),
    steps: int = typer.Option(None, "--steps", min=1, help="Retraining: batches of learning."),
    epochs: int = typer.Option(None, "--epochs", min=1, help="Retraining a Cellpose model: passes over the images."),
    learning_rate: float = typer.Option(None, "--learning-rate", help="Retraining: largest change in a step."),
    weight_decay: float = typer.Option(None, "--weight-decay", help="Retraining: how strongly weights are held small."),
    seed: int = typer.Option(None, "--seed", **SEED, help="Retraining: another seed draws other crops."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Train a segmentation network from a recipe, or retrain one on your own images and score it before and after.

    A recipe is of flows, or with head = "foreground" of foreground and watershed. After each epoch loss, Dice and IoU
    of the foreground are added to curves.json.
    """
    from cellapp.errors import InputError

    changes = {"steps": steps, "epochs": epochs, "learning_rate": learning_rate, "weight_decay": weight_decay}
    changes = {name: value for name, value in (changes | {"seed": seed}).items() if value is not None}
    progress = Progress()
    if recipe is None:
        share = {} if held_out is None else {"share": held_out}
        result = _retrain(data, out, start or _LEARNT_BEFORE, changes, share, progress)
        progress.end()
        emit(result | {"out": str(out)}, as_json, [*_result_lines(result), str(out)])
        return
    if changes or held_out is not None:
        raise InputError("a recipe says how a network learns; write it there, or leave out --recipe to retrain one")
    n_steps = _train(recipe, data, out, start, progress)
    progress.end()
    emit({"out": str(out), "steps": n_steps}, as_json, [str(out)])


def _train(recipe: Path, data: Path, out: Path, start: str | None, progress: Progress) -> int:
    from cellapp.compute.devices import probe_device, probe_dtype
    from cellapp.config import app_settings
    from cellapp.settings_io import read_recipe
    from cellapp.training.segmenter.own_sources import require_images
    from cellapp.training.segmenter.recipe import SegmenterRecipe
    from cellapp.training.segmenter.train import train_segmenter as train

    require_images(data)
    chosen = read_recipe(SegmenterRecipe, recipe)
    device = probe_device(app_settings().device)
    dtype = probe_dtype(device, app_settings().dtype)
    start_folder = Path(start) if start else None
    train(chosen, data, out, start=start_folder, device=device, dtype=dtype, on_step=progress)
    return chosen.steps


def _retrain(
    data: Path, out: Path, base: str, changes: dict[str, Any], share: dict[str, float], progress: Progress
) -> dict[str, Any]:
    from cellapp.compute.devices import probe_device
    from cellapp.config import app_settings
    from cellapp.training.segmenter.labelled_folder import own_images, split_by_group
    from cellapp.training.segmenter.retrain import retrain, settings_of

    images, scored = split_by_group(own_images(data), **share)
    if not scored:
        note("cellapp: no image is held out, so it is not known whether it got better; give images of two groups")
    device = probe_device(app_settings().device)
    return retrain(images, scored, base, out, settings_of(base, changes), device=device, on_step=progress)


def _result_lines(result: dict[str, Any]) -> list[str]:
    """Say on how many images it learnt, and how those it had not seen are scored before and after."""
    n, cells = len(result["images"]), result["n_cells"]
    lines = [f"learnt from {n} image{'s' * (n != 1)} with {cells:,} cells"]
    for row in [*result["held_out"], {"image": f"mean of {len(result['held_out'])} held out", **result}]:
        if row["before"]:
            figures = ", ".join(
                f"{word} {row['before'][key]:.3f} to {row['after'][key]:.3f}"
                for key, word in (("ap50", "AP@0.5"), ("ap", "AP@0.5:0.95"), ("f1", "F1"))
            )
            lines.append(f"{row['image']}: {figures}")
    if result["before"]:
        lines.append(f"cells to correct: {result['before']['corrections']:,} to {result['after']['corrections']:,}")
    return lines
