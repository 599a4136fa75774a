"""Train a head on labelled pictures of single cells and write down all that is known of it."""

from __future__ import annotations

import time
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from cellapp.classification.head import LinearHead
from cellapp.classification.head_io import save_head
from cellapp.errors import InputError
from cellapp.models.load import load_model
from cellapp.models.registry import model_folder
from cellapp.settings import CropSettings
from cellapp.training.classifier.baselines import BOTH, EMBEDDING, UNTRAINED, hold_out_baselines, untrained_twin
from cellapp.training.classifier.cross_validation import HeadSpec, LabelledVectors, fit_and_hold_out
from cellapp.training.classifier.recipe import HeadRecipe
from cellapp.training.classifier.report import write_head_report
from cellapp.training.classifier.result import TrainedHead
from cellapp.training.encode_dataset import EncodedDataset, encode_dataset
from cellapp.training.labelled_crops import LabelledCrops, read_labelled_crops
from cellapp.types.image import OnStep
from cellapp.types.protocols import Encoder


def train_head(folder: Path, out: Path, recipe: HeadRecipe, on_step: OnStep | None = None) -> dict[str, Any]:
    """Train a head and write it as a folder that `cellapp.models.load.load_model` accepts.

    Parameters
    ----------
    folder : Path
        See `cellapp.training.labelled_crops.read_labelled_crops`.
    out : Path
        Gets ``head.json``, ``head.safetensors``, ``metrics.json``, ``folds.csv``, ``recipe.toml`` and ``card.md``; its
        name is the head's.
    recipe : HeadRecipe
    on_step : callable, optional
        Progress; may raise `Cancelled`, then nothing is written.

    Returns
    -------
    dict
        As written to ``metrics.json``, see `cellapp.training.classifier.report.head_metrics`.

    Raises
    ------
    InputError
        When the pictures or the recipe cannot be used.
    ModelError
        When the encoder cannot be had.
    """
    start, tell = time.perf_counter(), on_step or (lambda step, fraction: None)
    pictures = read_labelled_crops(folder, recipe.group_column)
    if recipe.positive is not None and recipe.positive not in pictures.classes:
        raise InputError(f"the positive class {recipe.positive!r} is none of {', '.join(pictures.classes)}")
    encoders = _encoders(recipe)
    dataset = encode_dataset(pictures, encoders, recipe.preprocess, lambda step, part: tell(step, 0.8 * part))
    tell("Fitting the head", 0.8)
    trained = _fit(dataset, recipe, out.resolve().name, encoders[EMBEDDING].identity)
    tell("Writing", 0.95)
    saved = save_head(trained.head, out)
    metrics = write_head_report(trained, saved.identity, out, seconds=round(time.perf_counter() - start))
    tell("Done", 1.0)
    return metrics


def _encoders(recipe: HeadRecipe) -> dict[str, Encoder]:
    encoder = load_model(recipe.encoder)
    if isinstance(encoder, LinearHead) or not hasattr(encoder, "embed"):
        raise InputError(f"{recipe.encoder!r} is no encoder; `python -m cellapp models list` names them")
    reads = recipe.reads.model_copy(update={"shape": recipe.baselines or recipe.features == "both"})
    encoders = {EMBEDDING: encoder.reading(reads)}
    if recipe.baselines:
        twin = untrained_twin(encoder.reading(reads), model_folder(recipe.encoder), seed=recipe.seed)
        encoders[UNTRAINED] = twin
    return encoders


def _fit(dataset: EncodedDataset, recipe: HeadRecipe, name: str, encoder: str) -> TrainedHead:
    pictures, found = dataset.pictures, dataset.embeddings[EMBEDDING]
    method = BOTH if recipe.reads.shape else EMBEDDING
    features = found.features if recipe.reads.shape else np.concatenate([found.cls, found.mean_patch], axis=1)
    data = LabelledVectors(features, pictures.labels, pictures.groups)
    spec = HeadSpec(
        name=name,
        encoder=encoder,
        trained_on=_sentence(pictures, recipe),
        crop=CropSettings(mode=recipe.crop, size_px=recipe.crop_px or dataset.side_px),
        preprocess=recipe.preprocess,
        positive=recipe.positive,
        reads=recipe.reads,
        training=_training(dataset, recipe),
    )
    head, held_out = fit_and_hold_out(data, spec, folds=recipe.folds, seed=recipe.seed)
    baselines = {}
    if recipe.baselines and held_out is not None:
        baselines = hold_out_baselines(
            data, spec, held_out.fold_of, dataset.embeddings, dataset.statistics, seed=recipe.seed
        )
        del baselines[method]
    return TrainedHead(head, recipe, dataset, data, held_out, baselines, method)


def _sentence(pictures: LabelledCrops, recipe: HeadRecipe) -> str:
    counts = ", ".join(f"{pictures.labels.count(name):,} {name}" for name in pictures.classes)
    groups = f" from {len(set(pictures.groups)):,} groups ({pictures.grouped_by})" if pictures.grouped_by else ""
    note = f" {recipe.note.strip()}" if recipe.note else ""
    return f"Trained on {len(pictures):,} pictures of single cells, {counts}{groups}.{note} Not for diagnosis."


def _training(dataset: EncodedDataset, recipe: HeadRecipe) -> dict[str, Any]:
    lines = sorted(f"{digest}  {file}" for digest, file in zip(dataset.digests, dataset.pictures.files, strict=True))
    return {
        "n": len(dataset.pictures),
        "pictures_sha256": sha256("\n".join(lines).encode()).hexdigest(),
        "index_sha256": dataset.pictures.index_sha256,
        "grouped_by": dataset.pictures.grouped_by,
        "folds": recipe.folds,
        "seed": recipe.seed,
    }
