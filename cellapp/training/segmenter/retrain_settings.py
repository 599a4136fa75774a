"""How a network goes on learning from images of one's own; without the libraries that do it."""

from __future__ import annotations

from pydantic import Field

from cellapp.settings import FrozenModel


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
    seed: int = Field(0, ge=0)
    """Another seed draws other crops."""
