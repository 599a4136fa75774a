"""A convolutional variational autoencoder, plain or conditional."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from cellapp.training.vae.recipe import SIDE_MULTIPLE, VaeRecipe

_MOST_LOG_VARIANCE = 10.0


class Vae(nn.Module):
    """Encode a crop to the mean and variance of its latent vector, and decode a latent vector to a crop.

    The condition of a conditional autoencoder reaches the decoder only: what is encoded never holds it, so that groups
    among latent vectors cannot be the condition itself. What the decoder is told need not be encoded, which moves the
    latent vectors towards what the conditions share (Sohn et al. 2015).

    Parameters
    ----------
    recipe : VaeRecipe
    planes : int
        Planes of a crop.
    conditions : int
        Number of conditions; 0 for a plain autoencoder.
    """

    def __init__(self, recipe: VaeRecipe, planes: int, conditions: int = 0) -> None:
        super().__init__()
        widths = [recipe.width * factor for factor in (1, 2, 4)]
        self.small = recipe.side_px // SIDE_MULTIPLE
        flat = widths[-1] * self.small**2
        steps: list[nn.Module] = []
        for before, after in zip([planes, *widths], widths, strict=False):
            steps += [nn.Conv2d(before, after, 4, stride=2, padding=1), nn.BatchNorm2d(after), nn.LeakyReLU(0.2)]
        self.encoder = nn.Sequential(*steps, nn.Flatten())
        self.to_latent = nn.Linear(flat, 2 * recipe.latent)
        self.conditions = nn.Embedding(conditions, recipe.latent) if conditions else None
        self.from_latent = nn.Linear(recipe.latent * (2 if conditions else 1), flat)
        steps = [nn.Unflatten(1, (widths[-1], self.small, self.small))]
        for before, after in zip(widths[::-1], [*widths[-2::-1], planes], strict=True):
            steps += [nn.LeakyReLU(0.2), nn.ConvTranspose2d(before, after, 4, stride=2, padding=1)]
            steps += [nn.BatchNorm2d(after)] if after != planes else []
        self.decoder = nn.Sequential(*steps)

    def encode(self, crops: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return mean and logarithm of the variance, each (N, latent), of crops (N, planes, side, side), 0 to 1."""
        mean, log_variance = self.to_latent(self.encoder(crops)).chunk(2, dim=1)
        return mean, log_variance.clamp(-_MOST_LOG_VARIANCE, _MOST_LOG_VARIANCE)

    def decode(self, latent: torch.Tensor, condition: torch.Tensor | None = None) -> torch.Tensor:
        """Return the logits of the pixels, (N, planes, side, side); their sigmoid is the crop.

        Parameters
        ----------
        latent : Tensor of shape (N, latent)
        condition : Tensor of shape (N,), int64, optional
            Needed by a conditional autoencoder.
        """
        if self.conditions is not None:
            latent = torch.cat([latent, self.conditions(condition)], dim=1)
        return self.decoder(self.from_latent(latent))

    def losses(
        self, crops: torch.Tensor, condition: torch.Tensor | None, noise: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the reconstruction error and the divergence, both summed over a crop and averaged over crops.

        Parameters
        ----------
        crops : Tensor of shape (N, planes, side, side)
            0 to 1.
        condition : Tensor of shape (N,), int64, or None
        noise : Tensor of shape (N, latent)
            Standard normal.

        Returns
        -------
        error, divergence : Tensor
            In nats: binary cross entropy of the pixels, and Kullback-Leibler divergence from a standard normal.
        """
        mean, log_variance = self.encode(crops)
        logits = self.decode(mean + noise * torch.exp(0.5 * log_variance), condition)
        error = binary_cross_entropy_with_logits(logits, crops, reduction="sum") / len(crops)
        divergence = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum() / len(crops)
        return error, divergence
