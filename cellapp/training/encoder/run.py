"""Pretrain an encoder on a folder of pictures and write it in Hugging Face format, with its recipe and figures."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cellapp.encoders.crop_folder import left_out
from cellapp.encoders.dinov2_network import FAMILIES
from cellapp.encoders.hf_folder import local_revision, write_encoder
from cellapp.errors import InputError, ModelError
from cellapp.models.load import load_model
from cellapp.settings_io import read_recipe
from cellapp.training.encoder.centre_background import centre_background
from cellapp.training.encoder.crop_dataset import CropSet, read_crops
from cellapp.training.encoder.crop_sources import cut_sources
from cellapp.training.encoder.knn_monitor import knn_of_sets
from cellapp.training.encoder.recipe import Network, PretrainRecipe
from cellapp.training.encoder.student_teacher import StudentTeacher
from cellapp.training.encoder.train import CURVES, TrainingState, pretrain, split
from cellapp.types.image import OnStep

if TYPE_CHECKING:
    from torch import nn

CROPS, RECIPE, METRICS = "crops.npz", "recipe.toml", "metrics.json"
_STORED_SCALE = 1.25  # side of the stored crops over that of the encoder's input, so that zoomed views stay sharp


@dataclass(frozen=True)
class PretrainOptions:
    """Options of `python -m cellapp pretrain`; None leaves a value to the recipe."""

    recipe: Path | None = None
    encoder: str | None = None
    steps: int | None = None
    epochs: float | None = None
    seed: int | None = None


def run(
    folder: Path,
    out: Path,
    options: PretrainOptions,
    *,
    device: str = "cpu",
    dtype: str = "float32",
    on_step: OnStep | None = None,
) -> dict[str, Any]:
    """Read or cut the crops, train an encoder on them and write it.

    Parameters
    ----------
    folder : Path
        Single-cell pictures; with a recipe that names sources, the folder they are below.
    out : Path
        Gets the encoder in Hugging Face format, ``recipe.toml`` with every value in force, ``curves.csv``,
        ``metrics.json``, the checkpoint and, of a recipe with sources, the crops that were cut.
    options : PretrainOptions
    device, dtype : str
    on_step : callable, optional

    Returns
    -------
    dict
        out, encoder (name@revision), curves, n, step, kNN accuracy of the encoder and of an untrained twin, None
        without labels, and left_out: a sentence for each picture of the folder that could not be read.

    Raises
    ------
    InputError
        When there are no crops, or steps and epochs are both given.
    ModelError
        When the encoder to start from is not of a family that can be trained on.
    """
    unreadable: dict[Path, str] = {}
    network, recipe = start(options, read_recipe(PretrainRecipe, options.recipe))
    crops = _crops(folder, out, recipe, on_step, unreadable)
    recipe = _with_schedule(recipe, options, len(crops))
    figures = run_on(crops, out, recipe, network, device=device, dtype=dtype, on_step=on_step)
    return figures | {"left_out": left_out(unreadable, folder)}


def run_on(
    crops: CropSet,
    out: Path,
    recipe: PretrainRecipe,
    network: nn.Module | None,
    *,
    device: str = "cpu",
    dtype: str = "float32",
    on_step: OnStep | None = None,
) -> dict[str, Any]:
    """Train an encoder on crops that are in memory and write it.

    Parameters
    ----------
    crops : CropSet
    out : Path
        See `run`.
    recipe : PretrainRecipe
    network : Module, optional
        To start from; an untrained one when None.
    device, dtype : str
    on_step : callable, optional

    Returns
    -------
    dict
        As `run`, without left_out.
    """
    state = pretrain(recipe, crops, out, network=network, device=device, dtype=dtype, on_step=on_step)
    (out / RECIPE).write_text(recipe.toml, encoding="utf-8")
    centre_background(state.learner.teacher.network, crops, recipe)
    side_px = recipe.network.image_size
    write_encoder(state.learner.teacher.network, out, mean=recipe.mean, std=recipe.std, side_px=side_px)
    figures = _figures(state, crops, dtype)
    (out / METRICS).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    last = {key: figures[key] for key in ("n", "step", "knn", "knn_untrained")}
    return {"out": str(out), "encoder": f"{out}@{local_revision(out)}", "curves": str(out / CURVES)} | last


def _figures(state: TrainingState, crops: CropSet, dtype: str) -> dict[str, Any]:
    """Return crops of each source, all points of the curves, and kNN accuracy of the encoder and an untrained twin."""
    recipe = state.learner.recipe
    untrained = knn_of_sets(StudentTeacher(recipe).teacher.network, *split(crops, recipe.held_out), recipe, dtype=dtype)
    points = [{key: _json_number(value) for key, value in point.items()} for point in state.curves]
    names, counts = np.unique(crops.sources, return_counts=True)
    return {
        "n": len(crops),
        "step": state.step,
        "knn": points[-1]["knn"],
        "knn_untrained": _json_number(round(untrained, 4)),
        "sources": {str(name): int(count) for name, count in zip(names, counts, strict=True)},
        "curves": points,
    }


def _json_number(number: float) -> float | None:
    """Return None for NaN, which JSON does not have."""
    return None if math.isnan(number) else number


def start(options: PretrainOptions, recipe: PretrainRecipe) -> tuple[nn.Module | None, PretrainRecipe]:
    """Return the network to start from and the recipe with its shape; None for an untrained one."""
    if options.encoder is None:
        return None, recipe
    encoder = load_model(options.encoder, device="cpu", dtype="float32", kind="encoder")
    return encoder.network.requires_grad_(True), fit_to(recipe, encoder.network.config.to_dict(), encoder.standard)


def fit_to(
    recipe: PretrainRecipe, shape: Mapping[str, Any], standard: tuple[tuple[float, ...], tuple[float, ...]]
) -> PretrainRecipe:
    """Give a recipe the shape of an encoder, with views in proportion to the encoder's input.

    Parameters
    ----------
    recipe : PretrainRecipe
    shape : mapping
        Content of the encoder's ``config.json``.
    standard : tuple
        Mean and standard deviation of the three planes, 0 to 1.

    Raises
    ------
    ModelError
        When the encoder is of a family that has no mask token.
    """
    if shape["model_type"] not in FAMILIES:
        raise ModelError(
            f"an encoder of type {shape['model_type']!r} cannot be trained on; {' or '.join(FAMILIES)} can"
        )
    network = Network.model_validate({key: shape[key] for key in Network.model_fields if key in shape})
    scale = network.image_size / recipe.network.image_size / network.patch_size
    sides = {name: getattr(recipe.views, name) for name in ("global_px", "local_px")}
    views = recipe.views.model_copy(
        update={name: max(1, round(px * scale)) * network.patch_size for name, px in sides.items()}
    )
    return recipe.model_copy(update={"network": network, "views": views, "mean": standard[0], "std": standard[1]})


def _crops(
    folder: Path, out: Path, recipe: PretrainRecipe, on_step: OnStep | None, unreadable: dict[Path, str]
) -> CropSet:
    if not recipe.sources:
        side_px = round(_STORED_SCALE * recipe.network.image_size)
        return read_crops(folder, side_px=side_px, unreadable=unreadable)
    if not (out / CROPS).is_file():
        segmenter = load_model("compact", dtype="float32")
        cut_sources(recipe.sources, folder, segmenter, seed=recipe.schedule.seed, on_step=on_step).save(out / CROPS)
    return CropSet.load(out / CROPS)


def _with_schedule(recipe: PretrainRecipe, options: PretrainOptions, n_crops: int) -> PretrainRecipe:
    """Return the recipe with the steps and the seed of the options."""
    if options.steps and options.epochs:
        raise InputError("give --steps or --epochs, not both")
    of_epochs = max(1, round(options.epochs * n_crops / recipe.schedule.batch)) if options.epochs else None
    update = {"steps": options.steps or of_epochs, "seed": options.seed}
    schedule = recipe.schedule.model_copy(update={key: value for key, value in update.items() if value is not None})
    return recipe.model_copy(update={"schedule": schedule})
