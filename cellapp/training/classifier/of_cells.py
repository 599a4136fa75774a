"""What a head says of its making where it is trained on the cells of analysed images."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

from cellapp.errors import InputError
from cellapp.training.classifier.fit_head import HeadSpec
from cellapp.training.classifier.recipe import HeadRecipe
from cellapp.training.encode_dataset import EncodedDataset
from cellapp.training.labelled_cells import LabelledCells
from cellapp.training.labelled_crops import LabelledCrops

OF_VECTORS = ("encoder", "features", "views", "channels_as", "crop", "crop_px", "preprocess", "baselines")
"""Fields of the recipe that the vectors decide; what is given for them does not count."""


def check_choices(recipe: HeadRecipe, of: str) -> None:
    """Refuse a recipe that chooses what the vectors of `of`, "the run", have decided already.

    Raises
    ------
    InputError
        The first such choice is named.
    """
    default = HeadRecipe()
    asked = [name for name in OF_VECTORS if getattr(recipe, name) != getattr(default, name)]
    if asked:
        raise InputError(f"the vectors of {of} are taken as they are; leave out {asked[0]!r}")


def recipe_for(cells: LabelledCells, recipe: HeadRecipe) -> HeadRecipe:
    """Return a recipe with `OF_VECTORS` as the vectors of the cells were made.

    Raises
    ------
    InputError
        When its positive class is none of the cells'.
    """
    made = cells.settings
    if recipe.positive is not None and recipe.positive not in cells.classes:
        raise InputError(f"the positive class {recipe.positive!r} is none of {', '.join(cells.classes)}")
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


def as_dataset(cells: LabelledCells) -> EncodedDataset:
    """Return cells as the pictures that reports are about; no picture is read for them."""
    crops = LabelledCrops(Path(), cells.names, cells.labels, cells.groups, cells.grouped_by)
    side_px = cells.settings.crop.size_px
    return EncodedDataset(crops, {}, None, cells.digests, side_px, left_out=list(cells.left_out))


def spec_of_cells(cells: LabelledCells, recipe: HeadRecipe, name: str) -> HeadSpec:
    """Return the fields of a new head of this name that are not fitted."""
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
