"""The recipe of a variational autoencoder, which with the crops decides its weights."""

from __future__ import annotations

from pydantic import Field

from cellapp.settings import FrozenModel, Seed

SIDE_MULTIPLE = 8


class VaeRecipe(FrozenModel):
    """Shape and training of a convolutional variational autoencoder (Kingma and Welling 2014, arXiv:1312.6114)."""

    latent: int = Field(16, ge=2, le=256)
    """Numbers that describe a cell."""
    beta: float = Field(1.0, ge=0, allow_inf_nan=False)
    """Weight of the divergence from a standard normal (Higgins et al. 2017); 1 is the plain autoencoder."""
    warm_up: float = Field(0.3, ge=0, le=1)
    """Share of the epochs over which that weight rises from 0, so that the latent space is used at all."""
    epochs: int = Field(30, ge=1)
    batch: int = Field(128, ge=2)
    learning_rate: float = Field(1e-3, gt=0, allow_inf_nan=False)
    width: int = Field(24, ge=1)
    """Filters of the first layer; the two that follow have twice and four times as many."""
    side_px: int = Field(64, ge=16, le=256, multiple_of=SIDE_MULTIPLE)
    held_out: float = Field(0.1, gt=0, lt=1)
    """Share of the cells, whole images where they are known, that errors are measured on."""
    seed: Seed = 0
