"""Train a head on labelled pictures of single cells and write it with its figures."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from cellapp.classification.head import LinearHead
from cellapp.classification.head_io import save_head
from cellapp.errors import InputError
from cellapp.files import move_into_place
from cellapp.models.load import load_model
from cellapp.models.registry import model_folder
from cellapp.settings import CropSettings
from cellapp.training.classifier.baselines import BOTH, EMBEDDING, UNTRAINED, hold_out_baselines, untrained_twin
from cellapp.training.classifier.batch_effects import batch_report
from cellapp.training.classifier.cross_validation import HeadSpec, HeldOut, LabelledVectors, fit_and_hold_out, hold_out
from cellapp.training.classifier.fold_heads import write_fold_heads
from cellapp.training.classifier.recipe import HeadRecipe
from cellapp.training.classifier.report import head_metrics, held_out_table, write_head_report
from cellapp.training.classifier.validation import measure_beside, validate
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
        ``recipe.toml`` and ``card.md``; its name is the head's.
    recipe : HeadRecipe, optional
        The defaults when left out.
    on_step : callable, optional
        Progress; may raise `Cancelled`, then nothing is written.

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
    if recipe.positive is not None and recipe.positive not in crops.classes:
        raise InputError(f"the positive class {recipe.positive!r} is none of {', '.join(crops.classes)}")
    if recipe.baselines and not crops.pure.all():
        raise InputError("--baselines are for cells of one class each; leave the mixtures out, or the baselines")
    encoders = _encoders(recipe)
    dataset = encode_dataset(crops, encoders, recipe.preprocess, lambda step, part: progress(step, 0.8 * part))
    progress("Fitting the head", 0.8)
    data, spec = _vectors(dataset, recipe), _spec(dataset, recipe, out.resolve().name, encoders[EMBEDDING].identity)
    head, held_out, probabilities, more = _fit(dataset, data, spec, recipe)
    progress("Measuring what a split by cell would show, and whether more groups would help", 0.9)
    beside = measure_beside(data, spec, recipe, head, held_out) if held_out else ()
    progress("Writing", 0.95)
    with _whole(out) as part:
        head = save_head(head, part)
        metrics = head_metrics(head, dataset, _method(recipe), probabilities)
        calls = held_out and held_out_table(dataset, held_out.fold_of, held_out.probabilities, head.classes)
        validation = validate(calls, metrics, *beside)
        metrics |= more | validation.metrics | {"seconds": round(time.perf_counter() - start)}
        write_head_report(part, head, recipe, metrics, calls)
        validation.write(part)
        if recipe.keep_folds and held_out:
            write_fold_heads(part, dataset, held_out, head.name)
    progress("Done", 1.0)
    return metrics


@contextmanager
def _whole(out: Path) -> Iterator[Path]:
    """Give a temporary folder whose files go to `out` when the block ends without an error; others there stay."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".", suffix=".part", dir=out.parent) as scratch:
        yield Path(scratch)
        out.mkdir(exist_ok=True)
        for file in sorted(Path(scratch).iterdir()):
            if file.is_dir():
                rmtree(out / file.name, ignore_errors=True)
            move_into_place(file, out / file.name)


def _encoders(recipe: HeadRecipe) -> dict[str, Encoder]:
    """Load the encoder of a recipe and, with baselines, make its untrained twin."""
    encoder = load_model(recipe.encoder)
    if isinstance(encoder, LinearHead) or not hasattr(encoder, "embed"):
        raise InputError(f"{recipe.encoder!r} is no encoder; `python -m cellapp models list` names them")
    reads = recipe.reads.model_copy(update={"shape": recipe.baselines or recipe.features == "both"})
    encoders = {EMBEDDING: encoder.reading(reads)}
    if recipe.baselines:
        twin = untrained_twin(encoder.reading(reads), model_folder(recipe.encoder), seed=recipe.seed)
        encoders[UNTRAINED] = twin
    return encoders


def _method(recipe: HeadRecipe) -> str:
    """Name of the head's own method among the baselines."""
    return BOTH if recipe.reads.shape else EMBEDDING


def _vectors(dataset: EncodedDataset, recipe: HeadRecipe) -> LabelledVectors:
    embeddings = dataset.embeddings[EMBEDDING]
    plain = np.concatenate([embeddings.cls, embeddings.mean_patch], axis=1)
    features = embeddings.features if recipe.reads.shape else plain
    return LabelledVectors(features, dataset.crops.labels, dataset.crops.groups)


def _fit(
    dataset: EncodedDataset, data: LabelledVectors, spec: HeadSpec, recipe: HeadRecipe
) -> tuple[LinearHead, HeldOut | None, dict[str, np.ndarray], dict[str, Any]]:
    """Return the head, its cross-validation, held-out probabilities by method, the head's own first, and figures."""
    choices = {"folds": recipe.folds, "seed": recipe.seed, "balance": recipe.balance}
    head, held_out = fit_and_hold_out(data, spec, effects=recipe.effects, **choices)
    if held_out is None:
        return head, None, {}, {}
    own, others, more = {_method(recipe): held_out.probabilities}, {}, {}
    if recipe.baselines:
        others = hold_out_baselines(dataset, data, spec, held_out.fold_of, seed=recipe.seed)
    if recipe.batch_effects != "none":
        without = hold_out(data, spec, held_out.fold_of, seed=recipe.seed, balance=recipe.balance).probabilities
        more["batch_effects"] = batch_report(data, recipe.effects, without, held_out.probabilities, head.positive)
    return head, held_out, own | {other: p for other, p in others.items() if other not in own}, more


def _spec(dataset: EncodedDataset, recipe: HeadRecipe, name: str, encoder: str) -> HeadSpec:
    return HeadSpec(
        name=name,
        encoder=encoder,
        trained_on=_sentence(dataset.crops, recipe),
        crop=CropSettings(mode=recipe.crop, size_px=recipe.crop_px or dataset.side_px),
        preprocess=recipe.preprocess,
        positive=recipe.positive,
        reads=recipe.reads,
        training=_provenance(dataset, recipe),
    )


def _sentence(crops: LabelledCrops, recipe: HeadRecipe) -> str:
    counts = ", ".join(f"{list(crops.labels).count(name):,} {name}" for name in crops.classes)
    groups = f" from {len(set(crops.groups)):,} groups ({crops.grouped_by})" if crops.grouped_by else ""
    note = f" {recipe.note.strip()}" if recipe.note else ""
    return f"Trained on {len(crops):,} pictures of single cells, {counts}{groups}.{note} Not for diagnosis."


def _provenance(dataset: EncodedDataset, recipe: HeadRecipe) -> dict[str, Any]:
    lines = sorted(f"{digest}  {file}" for digest, file in zip(dataset.digests, dataset.crops.files, strict=True))
    return {
        "n": len(dataset.crops),
        "pictures_sha256": sha256("\n".join(lines).encode()).hexdigest(),
        "index_sha256": dataset.crops.index_sha256,
        "grouped_by": dataset.crops.grouped_by,
        "folds": recipe.folds,
        "seed": recipe.seed,
        **({"resample": recipe.resample} if recipe.resample != "none" else {}),
        **({"class_weights": True} if recipe.class_weights else {}),
        **({"batch_effects": recipe.batch_effects} if recipe.batch_effects != "none" else {}),
    }
