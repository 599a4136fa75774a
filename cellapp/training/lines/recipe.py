"""How a network of lines is trained; imports no torch, for pages and requests."""

from __future__ import annotations

from pydantic import Field

from cellapp.settings import FrozenModel, Seed


class LineRecipe(FrozenModel):
    """How a network of lines is trained."""

    epochs: int = Field(60, ge=1)
    """Steps; each sees all bags, of each image of a segment."""
    learning_rate: float = Field(3e-3, gt=0, allow_inf_nan=False)
    weight_decay: float = Field(1e-2, ge=0, allow_inf_nan=False)
    segments: int = Field(4, ge=1)
    """Parts of a sequence of which a step sees one image each; in use all images are seen."""
    seed: Seed = 0
