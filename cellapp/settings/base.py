"""What settings and recipes have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

LARGEST_SEED = 2**32 - 101
"""numpy and scikit-learn take seeds below 2**32, and repeated fits count up from the one that was given."""
Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]


class FrozenModel(BaseModel):
    """Base of settings and recipes: immutable; unknown fields and numbers that are not finite are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)
