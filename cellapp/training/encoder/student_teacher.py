"""Student and teacher of self-distillation: two copies of one vision transformer, and the losses of a batch."""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.nn import functional as F
from torch.optim.swa_utils import get_ema_multi_avg_fn

from cellapp.encoders.hf_network import blank_network
from cellapp.training.encoder.auxiliary_targets import N_PROFILE, N_TEXTURES, patch_textures, view_profiles
from cellapp.training.encoder.losses import Projection, distil_patches, distil_views, koleo_loss, teacher_targets
from cellapp.training.encoder.multicrop import ViewBatch, draw_masks, draw_views
from cellapp.training.encoder.recipe import PretrainRecipe

LOSSES = ("distil", "masked_patches", "spread", "textures", "portrait")
"""Names of the losses: weights of them in the recipe, and columns of the curves."""


def standardise(views: torch.Tensor, recipe: PretrainRecipe) -> torch.Tensor:
    """Standardise views, (N, 3, S, S), 0 to 1, by the recipe's mean and standard deviation of each plane."""
    mean, std = (torch.tensor(value, device=views.device).view(1, 3, 1, 1) for value in (recipe.mean, recipe.std))
    return (views - mean) / std


def masked_cells(pixels: torch.Tensor, recipe: PretrainRecipe) -> torch.Tensor:
    """Return crops as a head reads them, everything but the cell black.

    Parameters
    ----------
    pixels : Tensor of shape (N, 4, T, T), uint8
        See `CropSet`.
    recipe : PretrainRecipe
        Its network gives the side S.

    Returns
    -------
    Tensor of shape (N, 3, S, S)
        0 to 1.
    """
    side, pixels = recipe.network.image_size, pixels.float() / 255
    return F.interpolate(pixels[:, :3] * (pixels[:, 3:] > 0.5), size=(side, side), mode="area")


class Branch(nn.Module):
    """An encoder with the projection its tokens are compared through."""

    def __init__(self, network: nn.Module, recipe: PretrainRecipe) -> None:
        super().__init__()
        self.network = network
        self.projection = Projection(recipe.network.hidden_size, recipe.objective.prototypes)
        self._recipe = recipe

    def forward(self, views: torch.Tensor, masks: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """Encode views, (N, 3, S, S), with some patches masked, (N, P) bool.

        Returns
        -------
        cls : Tensor of shape (N, D)
        patches : Tensor of shape (N, P, D)
        """
        tokens = self.network(standardise(views, self._recipe), bool_masked_pos=masks).last_hidden_state
        return tokens[:, 0], tokens[:, self._recipe.network.n_prefix :]


class StudentTeacher(nn.Module):
    """All weights of a pretraining.

    Parameters
    ----------
    recipe : PretrainRecipe
        Its seed decides the first weights.
    network : Module, optional
        Encoder to start from; an untrained one when left out.
    """

    def __init__(self, recipe: PretrainRecipe, network: nn.Module | None = None) -> None:
        super().__init__()
        torch.manual_seed(recipe.schedule.seed)
        self.recipe = recipe
        self.student = Branch(network or blank_network(recipe.network.config), recipe)
        self.teacher = copy.deepcopy(self.student).requires_grad_(False)
        self.textures = nn.Linear(recipe.network.hidden_size, N_TEXTURES)
        self.portrait = nn.Linear(2 * recipe.network.hidden_size, N_PROFILE)  # predicts the profile of a view

    def losses(self, crops: torch.Tensor, side_px: int) -> dict[str, torch.Tensor]:
        """Compute each loss on views of a batch of crops, drawn with torch's default generator.

        Parameters
        ----------
        crops : Tensor of shape (B, 4, T, T), uint8
            In main memory, see `CropSet`.
        side_px : int
            Side of the global views.

        Returns
        -------
        dict
            One number for each of `LOSSES`.
        """
        recipe, device = self.recipe, self.textures.weight.device
        batch = draw_views(crops, recipe.views, side_px)
        masks = draw_masks(len(batch.wide), side_px // recipe.network.patch_size, recipe.objective.mask_share)
        return self._losses(batch.to(device), masks.to(device), len(crops))

    def _losses(self, batch: ViewBatch, masks: torch.Tensor, n_crops: int) -> dict[str, torch.Tensor]:
        settings, grid = self.recipe.objective, batch.wide.shape[-1] // self.recipe.network.patch_size
        cls_targets, patch_targets = self._targets(batch.wide, masks)
        cls, patches = self.student(batch.wide, masks)
        local_cls = [self.student(batch.narrow)[0]] if len(batch.narrow) else []
        scores = self.student.projection(torch.cat([cls, *local_cls]))
        unmasked = ~masks.any(dim=1)
        predicted = self.portrait(torch.cat([cls, patches.mean(dim=1)], dim=1)[unmasked]).float()
        profiles = view_profiles(batch.wide, batch.cell)[unmasked]
        return {
            "distil": distil_views(scores, cls_targets, n_crops, settings.student_temperature),
            "masked_patches": distil_patches(
                self.student.projection(patches[masks]), patch_targets, settings.student_temperature
            ),
            "spread": torch.stack([koleo_loss(view) for view in cls.split(n_crops)]).mean(),
            "textures": F.mse_loss(self.textures(patches).float(), patch_textures(batch.wide, grid)),
            "portrait": F.mse_loss(predicted, profiles),
        }

    @torch.no_grad()
    def _targets(self, wide: torch.Tensor, masks: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the teacher's targets for the class tokens and for the masked patches of global views."""
        (cls, patches), temperature = self.teacher(wide), self.recipe.objective.teacher_temperature
        scores = (self.teacher.projection(tokens) for tokens in (cls, patches[masks]))
        cls_targets, patch_targets = (teacher_targets(rows, temperature) for rows in scores)
        return cls_targets, patch_targets

    def total(self, losses: dict[str, torch.Tensor]) -> torch.Tensor:
        """Add the losses up by the recipe's weights."""
        return torch.stack([getattr(self.recipe.objective, name) * losses[name] for name in LOSSES]).sum()

    def update_teacher(self, momentum: float) -> None:
        """Replace the teacher's weights by ``momentum * teacher + (1 - momentum) * student``."""
        get_ema_multi_avg_fn(momentum)(list(self.teacher.parameters()), list(self.student.parameters()), 0)
