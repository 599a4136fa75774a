"""From a folder of pictures to an encoder folder: what `cellapp pretrain` does."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cellapp.encoders.hf_folder import local_revision, write_encoder
from cellapp.errors import InputError, ModelError
from cellapp.models.load import load_model
from cellapp.settings_io import read_recipe
from cellapp.training.encoder.centre_background import centre_background
from cellapp.training.encoder.checkpoint import State
from cellapp.training.encoder.crop_dataset import CropSet, read_crops
from cellapp.training.encoder.crop_sources import cut_sources
from cellapp.training.encoder.knn_monitor import knn_of_sets
from cellapp.training.encoder.recipe import FAMILIES, Network, PretrainRecipe
from cellapp.training.encoder.student_teacher import StudentTeacher
from cellapp.training.encoder.train import CURVES, pretrain, split
from cellapp.types.image import OnStep
from cellapp.types.protocols import Encoder

if TYPE_CHECKING:
    from torch import nn

CROPS, RECIPE, METRICS = "crops.npz", "recipe.toml", "metrics.json"
_ZOOM = 1.25  # crops are kept at this times the side the encoder reads, so that zooming in stays sharp


@dataclass(frozen=True)
class PretrainOptions:
    """What a user asks for; None leaves it to the recipe."""

    recipe: Path | None = None
    encoder: str | None = None
    steps: int | None = None
    epochs: float | None = None
    seed: int | None = None


def run(
    folder: Path,
    out: Path,
    wishes: PretrainOptions,
    *,
    device: str = "cpu",
    dtype: str = "float32",
    on_step: OnStep | None = None,
) -> dict[str, Any]:
    """Read or cut the crops, train, and write the encoder.

    Parameters
    ----------
    folder : Path
        Single-cell pictures; with a recipe that names sources, the folder they are below.
    out : Path
        Gets the encoder in Hugging Face format, ``recipe.toml`` with every value in force, ``curves.csv``,
        ``metrics.json``, the checkpoint and, of a recipe with sources, the crops that were cut.
    wishes : PretrainOptions
    device, dtype : str
    on_step : callable, optional

    Returns
    -------
    dict
        out, encoder (name@revision), curves, n, step, and kNN accuracy beside an untrained twin's, None where no class
        is known.

    Raises
    ------
    InputError
        When there are no crops, or steps and epochs are both given.
    ModelError
        When the encoder to start from is not of a family that can be trained on.
    """
    recipe = read_recipe(PretrainRecipe, wishes.recipe)
    network, recipe = _start(wishes, recipe)
    crops = _crops(folder, out, recipe, on_step)
    recipe = _schedule(recipe, wishes, len(crops))
    state = pretrain(recipe, crops, out, network=network, device=device, dtype=dtype, on_step=on_step)
    (out / RECIPE).write_text(recipe.toml, encoding="utf-8")
    centre_background(state.learner.teacher.network, crops, recipe)
    side_px = recipe.network.image_size
    write_encoder(state.learner.teacher.network, out, mean=recipe.mean, std=recipe.std, side_px=side_px)
    figures = _figures(state, crops, dtype)
    (out / METRICS).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    last = {key: figures[key] for key in ("n", "step", "knn", "knn_untrained")}
    return {"out": str(out), "encoder": f"{out}@{local_revision(out)}", "curves": str(out / CURVES)} | last


def _figures(state: State, crops: CropSet, dtype: str) -> dict[str, Any]:
    """Sum up a training: crops of each source, every point of the curves, kNN accuracy beside an untrained twin's."""
    recipe = state.learner.recipe
    untrained = knn_of_sets(StudentTeacher(recipe).teacher.network, *split(crops, recipe.held_out), recipe, dtype=dtype)
    points = [{key: _plain(value) for key, value in point.items()} for point in state.curves]
    names, counts = np.unique(crops.sources, return_counts=True)
    return {
        "n": len(crops),
        "step": state.step,
        "knn": points[-1]["knn"],
        "knn_untrained": _plain(round(untrained, 4)),
        "sources": {str(name): int(count) for name, count in zip(names, counts, strict=True)},
        "curves": points,
    }


def _plain(number: float) -> float | None:
    """JSON knows no NaN."""
    return None if math.isnan(number) else number


def _start(wishes: PretrainOptions, recipe: PretrainRecipe) -> tuple[nn.Module | None, PretrainRecipe]:
    """Return the network to start from and the recipe with its shape; None for an untrained one."""
    if wishes.encoder is None:
        return None, recipe
    encoder = load_model(wishes.encoder, device="cpu", dtype="float32")
    if not isinstance(encoder, Encoder):
        raise InputError(f"{wishes.encoder!r} is no encoder; choose one of `models list`, or a folder")
    return encoder.network.requires_grad_(True), fit_to(recipe, encoder.network.config.to_dict(), encoder.standard)


def fit_to(
    recipe: PretrainRecipe, shape: Mapping[str, Any], standard: tuple[tuple[float, ...], tuple[float, ...]]
) -> PretrainRecipe:
    """Give a recipe the shape of an encoder, views in proportion to what it reads.

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
        When the encoder is of a family that cannot hide patches.
    """
    if shape["model_type"] not in FAMILIES:
        raise ModelError(
            f"an encoder of type {shape['model_type']!r} cannot be trained on; {' or '.join(FAMILIES)} can"
        )
    network = Network.model_validate({key: shape[key] for key in Network.model_fields if key in shape})
    old, side = recipe.network.image_size, network.image_size

    def scaled(px: int) -> int:
        return max(1, round(px * side / old / network.patch_size)) * network.patch_size

    views = recipe.views.model_copy(
        update={"global_px": scaled(recipe.views.global_px), "local_px": scaled(recipe.views.local_px)}
    )
    return recipe.model_copy(update={"network": network, "views": views, "mean": standard[0], "std": standard[1]})


def _crops(folder: Path, out: Path, recipe: PretrainRecipe, on_step: OnStep | None) -> CropSet:
    if not recipe.sources:
        return read_crops(folder, side_px=round(_ZOOM * recipe.network.image_size))
    if not (out / CROPS).is_file():
        segmenter = load_model("compact", dtype="float32")
        cut_sources(recipe.sources, folder, segmenter, seed=recipe.schedule.seed, on_step=on_step).save(out / CROPS)
    return CropSet.load(out / CROPS)


def _schedule(recipe: PretrainRecipe, wishes: PretrainOptions, n_crops: int) -> PretrainRecipe:
    """Put what the user wishes into the schedule."""
    if wishes.steps and wishes.epochs:
        raise InputError("give --steps or --epochs, not both")
    steps = wishes.steps
    if wishes.epochs:
        steps = max(1, round(wishes.epochs * n_crops / recipe.schedule.batch))
    update = {"steps": steps, "seed": wishes.seed}
    schedule = recipe.schedule.model_copy(update={key: value for key, value in update.items() if value is not None})
    return recipe.model_copy(update={"schedule": schedule})
