"""Train a head on vectors of analysed cells, without the encoder, and write it with its figures."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from cellapp.classification.head import LinearHead
from cellapp.classification.head_io import save_head
from cellapp.errors import InputError
from cellapp.files import atomic_folder
from cellapp.training.classifier.cross_validation import HeadSpec, HeldOut, fit_and_hold_out
from cellapp.training.classifier.fold_heads import write_fold_heads
from cellapp.training.classifier.grid import grid_of
from cellapp.training.classifier.keep_cells import PicturesOf, keep_cells
from cellapp.training.classifier.labelled_vectors import LabelledVectors
from cellapp.training.classifier.recipe import HeadRecipe
from cellapp.training.classifier.report import head_metrics, held_out_table, write_head_report
from cellapp.training.classifier.validation import measure_beside, validate
from cellapp.training.encode_dataset import EncodedDataset
from cellapp.training.labelled_cells import LabelledCells
from cellapp.training.labelled_crops import LabelledCrops
from cellapp.types.image import OnStep

METHOD = "embedding"
"""Name of the head's own method among those of its metrics."""
OF_VECTORS = ("encoder", "features", "views", "channels_as", "crop", "crop_px", "preprocess", "baselines")
"""Fields of the recipe that the vectors decide; what is given for them does not count."""


@dataclass(frozen=True, eq=False)
class TrainedHead:
    """A head that was written, with what is known of it."""

    head: LinearHead
    held_out: HeldOut | None  # None where groups could not be split
    metrics: Mapping[str, Any]  # as written to metrics.json


def train_on_vectors(
    cells: LabelledCells,
    out: str | Path,
    recipe: HeadRecipe | None = None,
    on_step: OnStep | None = None,
    *,
    pictures_of: PicturesOf | None = None,
) -> TrainedHead:
    """Train a head and write it as a folder that `cellapp.models.load.load_model` accepts.

    The same cells, recipe and name give the same head.

    Parameters
    ----------
    cells : LabelledCells
    out : str or Path
        Gets the files of `cellapp.training.classifier.train.train_head`; its name is the head's.
    recipe : HeadRecipe, optional
        The fields `OF_VECTORS` are taken from how the vectors were made.
    on_step : callable, optional
        Progress; may raise `Cancelled`, then nothing is written.
    pictures_of : callable, optional
        Draws training cells for the examples that the head keeps; see `cellapp.training.classifier.keep_cells`.

    Raises
    ------
    InputError
        When the positive class is none of the classes, or a class is called as cells without a class are.
    """
    start, progress = time.perf_counter(), on_step or (lambda step, fraction: None)
    recipe, out = recipe_for(cells, recipe or HeadRecipe()), Path(out)
    if recipe.positive is not None and recipe.positive not in cells.classes:
        raise InputError(f"the positive class {recipe.positive!r} is none of {', '.join(cells.classes)}")
    progress(f"Fitting {len(cells):,} cells", 0.1)
    data = LabelledVectors(cells.features, cells.labels, cells.groups)
    spec = _spec(cells, recipe, out.resolve().name)
    head, held_out = fit_and_hold_out(data, spec, **recipe.choices)
    progress("Measuring", 0.5)
    beside = measure_beside(data, spec, recipe, head, held_out) if held_out else ()
    with atomic_folder(out) as part:
        head, dataset = save_head(head, part), _as_dataset(cells)
        metrics = head_metrics(head, dataset, METHOD, {METHOD: held_out.probabilities} if held_out else {})
        calls = held_out and held_out_table(dataset, held_out.fold_of, held_out.probabilities, head.classes)
        validation = validate(calls, metrics, *beside)
        metrics |= validation.metrics | grid_of(head) | {"seconds": round(time.perf_counter() - start)}
        write_head_report(part, head, recipe, metrics, calls)
        validation.write(part)
        keep_cells(part, cells.features, cells.labels, cells.names, cells.groups, pictures_of)
        if recipe.keep_folds and held_out:
            write_fold_heads(part, dataset, held_out, head.name)
    progress("Done", 1.0)
    return TrainedHead(head, held_out, metrics)


def recipe_for(cells: LabelledCells, recipe: HeadRecipe) -> HeadRecipe:
    """Return a recipe with `OF_VECTORS` as the vectors of the cells were made."""
    made = cells.settings
    return recipe.model_copy(
        update={
            "encoder": made.encoder,
            "features": "both" if made.reads.shape else "cytoskeleton" if made.reads.cytoskeleton else "embedding",
            "views": made.reads.views,
            "channels_as": made.reads.channels_as,
            "crop": made.crop.mode,
            "crop_px": made.crop.size_px,
            "preprocess": made.preprocess,
            "baselines": False,
            "group_column": cells.grouped_by,
        }
    )


def _as_dataset(cells: LabelledCells) -> EncodedDataset:
    """Return cells as the pictures that reports are about; no picture is read for them."""
    crops = LabelledCrops(Path(), cells.names, cells.labels, cells.groups, cells.grouped_by)
    side_px = cells.settings.crop.size_px
    return EncodedDataset(crops, {}, None, cells.digests, side_px, left_out=list(cells.left_out))


def _spec(cells: LabelledCells, recipe: HeadRecipe, name: str) -> HeadSpec:
    made = cells.settings
    return HeadSpec(
        name=name,
        encoder=cells.encoder,
        trained_on=_sentence(cells, recipe),
        crop=made.crop,
        preprocess=made.preprocess,
        positive=recipe.positive,
        reads=made.reads,
        training=_provenance(cells, recipe),
    )


def _sentence(cells: LabelledCells, recipe: HeadRecipe) -> str:
    counts = ", ".join(f"{list(cells.labels).count(name):,} {name}" for name in cells.classes)
    n_images, n_groups = len(set(cells.images)), len(set(cells.groups))
    groups = "" if cells.grouped_by == "image" else f", {n_groups:,} groups by {cells.grouped_by}"
    note = f" {recipe.note.strip()}" if recipe.note else ""
    images = f"{n_images:,} {'image' if n_images == 1 else 'images'}"
    return f"Trained on {len(cells):,} cells of {images}, {counts}{groups}.{note} Not for diagnosis."


def _provenance(cells: LabelledCells, recipe: HeadRecipe) -> dict[str, Any]:
    rows = zip(cells.digests, cells.names, cells.labels, cells.groups, strict=True)
    lines = sorted("  ".join(row) for row in rows)
    return {
        "n": len(cells),
        "cells_sha256": sha256("\n".join(lines).encode()).hexdigest(),
        "grouped_by": cells.grouped_by,
        "folds": recipe.folds,
        "seed": recipe.seed,
        **({"resample": recipe.resample} if recipe.resample != "none" else {}),
        **({"class_weights": True} if recipe.class_weights else {}),
        **({"batch_effects": recipe.batch_effects} if recipe.batch_effects != "none" else {}),
    }
