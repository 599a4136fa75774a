"""How a network goes on learning from images of one's own, and what came of it; without the libraries that do it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from cellapp.settings import FrozenModel, Seed


class CellposeSettings(FrozenModel):
    """Retraining of a Cellpose model by its own function, under its own names."""

    epochs: int = Field(100, ge=1, le=100_000)
    """Passes over the images."""
    learning_rate: float = Field(1e-5, gt=0, le=1)
    """Of AdamW; it rises over the first ten epochs and, from a hundred epochs on, falls at the end."""
    weight_decay: float = Field(0.1, ge=0, le=1)
    """How strongly weights are held small."""
    batch: int = Field(1, ge=1, le=256)
    """Crops of images in a step."""


class RetrainSettings(FrozenModel):
    """Retraining of a network of `train-segmenter`."""

    steps: int = Field(100, ge=1, le=100_000)
    """Batches of learning."""
    learning_rate: float = Field(1e-3, gt=0, le=1)
    """Largest change of weights in a step; it falls to 0 at the end."""
    weight_decay: float = Field(0.01, ge=0, le=1)
    """How strongly weights are held small."""
    batch: int = Field(4, ge=1, le=256)
    """Crops of images in a step."""
    seed: Seed = 0
    """Another seed draws other crops."""


def result_sentence(name: str, metrics: Mapping[str, Any]) -> str:
    """Return what retraining did, in one or two sentences."""
    n, n_cells = len(metrics["images"]), metrics["n_cells"]
    learnt = f"{name} learnt from {n:,} image{'s' * (n != 1)} with {n_cells:,} cells"
    if not metrics["held_out"]:
        return f"{learnt}. No image was held out, so it is not known whether it is better."
    before, after, seen = metrics["before"], metrics["after"], len(metrics["held_out"])
    return (
        f"{learnt}. On {seen:,} image{'s' * (seen != 1)} it had not seen, average precision at IoU 0.5 went from "
        f"{before['ap50']:.2f} to {after['ap50']:.2f}, and the cells to correct from {before['corrections']:,} to "
        f"{after['corrections']:,}."
    )
