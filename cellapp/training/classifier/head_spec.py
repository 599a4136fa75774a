"""What a head says of its making: cut, preprocessing, training data and recipe."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from cellapp.settings import CropSettings
from cellapp.training.classifier.fit_head import HeadSpec
from cellapp.training.classifier.recipe import HeadRecipe
from cellapp.training.encode_dataset import EncodedDataset
from cellapp.training.labelled_crops import LabelledCrops


def spec_of(dataset: EncodedDataset, recipe: HeadRecipe, name: str, encoder: str) -> HeadSpec:
    """Return the fields of a new head that are not fitted.

    Parameters
    ----------
    dataset : EncodedDataset
    recipe : HeadRecipe
    name : str
        Of the head.
    encoder : str
        "name@revision".
    """
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
        **({"channels_as": recipe.channels_as} if recipe.channels_as != "roles" else {}),
        **({"resample": recipe.resample} if recipe.resample != "none" else {}),
        **({"class_weights": True} if recipe.class_weights else {}),
        **({"batch_effects": recipe.batch_effects} if recipe.batch_effects != "none" else {}),
    }
