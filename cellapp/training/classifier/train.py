"""Train a head on labelled pictures of single cells and write it with its figures."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cellapp.cells.input_features import measured_names
from cellapp.errors import InputError
from cellapp.models.load import load_model
from cellapp.models.registry import model_folder
from cellapp.pipeline.progress import part_of
from cellapp.settings import FeatureSettings
from cellapp.training.classifier.baselines import (
    BOTH,
    EMBEDDING,
    UNTRAINED,
    WITH_CYTOSKELETON,
    hold_out_baselines,
    untrained_twin,
)
from cellapp.training.classifier.cross_validation import HeadSpec, HeldOut, LabelledVectors, fit_and_hold_out
from cellapp.training.classifier.from_scratch import from_scratch
from cellapp.training.classifier.head_spec import spec_of
from cellapp.training.classifier.keep_cells import keep_pictured_cells
from cellapp.training.classifier.recipe import HeadRecipe
from cellapp.training.classifier.validation import measure_beside, notes_of
from cellapp.training.classifier.write_fitted import CHECKPOINTS, Fitted, whole, write_fitted
from cellapp.training.encode_dataset import EncodedDataset, encode_dataset
from cellapp.training.labelled_crops import LabelledCrops, read_labelled_crops
from cellapp.types.image import OnStep
from cellapp.types.protocols import Encoder


def train_head(
    folder: str | Path, out: str | Path, recipe: HeadRecipe | None = None, on_step: OnStep | None = None
) -> dict[str, Any]:
    """Train a head and write it as a folder that `cellapp.models.load.load_model` accepts.

    Parameters
    ----------
    folder : str or Path
        See `cellapp.training.labelled_crops.read_labelled_crops`.
    out : str or Path
        Gets ``head.json``, ``head.safetensors``, ``metrics.json``, ``folds.csv``, ``errors.csv``, ``curves.json``,
        ``recipe.toml`` and ``card.md``; its name is the head's. Fine-tuning adds ``encoder/`` and ``epochs.json``,
        which grows with every epoch; what was interrupted goes on from the checkpoints in it.
    recipe : HeadRecipe, optional
        The defaults when left out.
    on_step : callable, optional
        Progress; may raise `Cancelled`, then no head is written.

    Returns
    -------
    dict
        As written to ``metrics.json``, see `cellapp.training.classifier.report.head_metrics` and
        `cellapp.training.classifier.validation.validate`.

    Raises
    ------
    InputError
        When the pictures or the recipe cannot be used.
    ModelError
        When the encoder cannot be had.
    """
    folder, out, recipe = Path(folder), Path(out), recipe or HeadRecipe()
    start, progress = time.perf_counter(), on_step or (lambda step, fraction: None)
    crops = read_labelled_crops(folder, recipe.group_column)
    _require_suitable(crops, recipe)
    untrained = from_scratch(recipe)
    recipe, encoder, sentence = untrained or (recipe, load_model(recipe.encoder, kind="encoder"), "")
    encoders = _encoders(recipe, encoder)
    tuned = recipe.mode == "finetune"
    share = 0.1 if tuned else 0.8
    dataset = encode_dataset(crops, encoders, recipe.preprocess, part_of(progress, 0.0, share), keep_planes=tuned)
    progress("Fitting the head", share)
    if tuned:
        fitted = _fine_tune(dataset, recipe, encoders, out, part_of(progress, share, 0.95))
    else:
        fitted = _fit(dataset, recipe, out.resolve().name, encoders[EMBEDDING].identity, progress)
    if sentence:
        fitted = replace(fitted, notes={**fitted.notes, "from_scratch": sentence})
    progress("Writing", 0.95)
    metrics = _write(out, fitted, dataset, recipe, start)
    progress("Done", 1.0)
    return metrics


def _require_suitable(crops: LabelledCrops, recipe: HeadRecipe) -> None:
    """Raise InputError where a recipe cannot be used for these cells."""
    if recipe.positive is not None and recipe.positive not in crops.classes:
        raise InputError(f"the positive class {recipe.positive!r} is none of {', '.join(crops.classes)}")
    if recipe.mode == "finetune" and not crops.pure.all():
        raise InputError("fine-tuning is for cells of one class each; leave the mixtures out, or take --mode probe")
    if recipe.baselines and not crops.pure.all():
        raise InputError("--baselines are for cells of one class each; leave the mixtures out, or the baselines")


def _write(out: Path, fitted: Fitted, dataset: EncodedDataset, recipe: HeadRecipe, start: float) -> dict[str, Any]:
    """Write the folder of a head and return its figures; checkpoints have done their part then."""
    with whole(out) as part:
        metrics = write_fitted(part, fitted, dataset, recipe, start).metrics
        features = None if recipe.mode == "finetune" else _vectors(dataset, recipe).features
        keep_pictured_cells(part, features, dataset.crops)
    if recipe.mode == "finetune":
        shutil.rmtree(out / CHECKPOINTS)
    return dict(metrics)


def _encoders(recipe: HeadRecipe, encoder: Encoder) -> dict[str, Encoder]:
    """Return the encoder of a recipe as it reads cells and, with baselines, its untrained twin."""
    also = {"shape": True, "cytoskeleton": True} if recipe.baselines else {}
    reads = recipe.reads.model_copy(update=also)
    encoders = {EMBEDDING: encoder.reading(reads)}
    if recipe.baselines:
        twin = untrained_twin(encoder.reading(reads), model_folder(recipe.encoder), seed=recipe.seed)
        encoders[UNTRAINED] = twin
    return encoders


def _method(recipe: HeadRecipe) -> str:
    """Name of the head's own method among the baselines."""
    return BOTH if recipe.reads.shape else WITH_CYTOSKELETON if recipe.reads.cytoskeleton else EMBEDDING


def _fit(dataset: EncodedDataset, recipe: HeadRecipe, name: str, encoder: str, on_step: OnStep) -> Fitted:
    """Fit a linear head to frozen vectors."""
    data, spec = _vectors(dataset, recipe), spec_of(dataset, recipe, name, encoder)
    head, held_out = fit_and_hold_out(data, spec, **recipe.choices)
    if held_out is None:
        return Fitted(head, None, _method(recipe), {})
    own, notes = {_method(recipe): held_out.probabilities}, notes_of(data, spec, recipe, head, held_out)
    on_step("Measuring what a split by cell would show, and whether more groups would help", 0.9)
    beside = measure_beside(data, spec, recipe, head, held_out)
    own |= _others(dataset, data, spec, held_out, recipe, own)
    return Fitted(head, held_out, _method(recipe), own, notes, beside)


def _fine_tune(
    dataset: EncodedDataset, recipe: HeadRecipe, encoders: Mapping[str, Encoder], out: Path, on_step: OnStep
) -> Fitted:
    """Train the last blocks of the encoder with the head."""
    from cellapp.training.classifier.finetune import Trainings  # imports torch

    encoder, data = encoders[EMBEDDING].reading(recipe.reads), _vectors(dataset, recipe)
    spec = spec_of(dataset, recipe, out.resolve().name, encoder.identity)
    tuned = Trainings(dataset, data, encoder, recipe, spec, out=out, work=out / CHECKPOINTS, on_step=on_step).run()
    fitted = tuned.fitted
    if tuned.held_out is None:
        return fitted
    others = _others(dataset, data, spec, tuned.held_out, recipe, fitted.probabilities)
    return replace(fitted, probabilities={**fitted.probabilities, **others})


def _vectors(dataset: EncodedDataset, recipe: HeadRecipe) -> LabelledVectors:
    """Return the encoder's vectors with the measurements of a recipe, without those that only baselines ask for."""
    embeddings = dataset.embeddings[EMBEDDING]
    parts = [embeddings.cls, embeddings.mean_patch]
    if wanted := measured_names(recipe.reads):
        made = measured_names(FeatureSettings(shape=True, cytoskeleton=True)) if recipe.baselines else wanted
        parts.append(embeddings.measured[:, [made.index(name) for name in wanted]])
    return LabelledVectors(np.concatenate(parts, axis=1), dataset.crops.labels, dataset.crops.groups)


def _others(
    dataset: EncodedDataset,
    data: LabelledVectors,
    spec: HeadSpec,
    held_out: HeldOut,
    recipe: HeadRecipe,
    own: Mapping[str, np.ndarray],
) -> dict[str, np.ndarray]:
    """Return held-out probabilities of the baselines that were asked for, without those that are there already."""
    if not recipe.baselines:
        return {}
    others = hold_out_baselines(dataset, data, spec, held_out.fold_of, seed=recipe.seed)
    return {name: p for name, p in others.items() if name not in own}
