"""Student and teacher: two copies of one vision transformer, and what one step of learning does to them."""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.nn import functional as F
from torch.optim.swa_utils import get_ema_multi_avg_fn

from cellapp.encoders.dino import blank_network
from cellapp.training.encoder.auxiliary_targets import N_PORTRAIT, N_TEXTURES, describe_patches, describe_views
from cellapp.training.encoder.losses import Projection, distil_patches, distil_views, koleo_loss, teacher_targets
from cellapp.training.encoder.multicrop import ViewBatch, draw_masks, draw_views
from cellapp.training.encoder.recipe import PretrainRecipe

LOSSES = ("distil", "masked_patches", "spread", "textures", "portrait")


def standardise(views: torch.Tensor, recipe: PretrainRecipe) -> torch.Tensor:
    """Bring views, (N, 3, S, S), 0 to 1, to the numbers the network reads."""
    mean, std = (torch.tensor(value, device=views.device).view(1, 3, 1, 1) for value in (recipe.mean, recipe.std))
    return (views - mean) / std


class Branch(nn.Module):
    """An encoder with the projection its tokens are compared through."""

    def __init__(self, network: nn.Module, recipe: PretrainRecipe) -> None:
        super().__init__()
        self.network = network
        self.projection = Projection(recipe.network.hidden_size, recipe.objective.prototypes)
        self._recipe = recipe

    def forward(self, views: torch.Tensor, hidden: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """Encode views, (N, 3, S, S), with some patches hidden, (N, P) bool: class tokens and patch tokens."""
        tokens = self.network(standardise(views, self._recipe), bool_masked_pos=hidden).last_hidden_state
        return tokens[:, 0], tokens[:, self._recipe.network.n_prefix :]


class StudentTeacher(nn.Module):
    """Everything that has weights.

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
        self.portrait = nn.Linear(2 * recipe.network.hidden_size, N_PORTRAIT)

    def losses(self, crops: torch.Tensor, side_px: int) -> dict[str, torch.Tensor]:
        """Compute each loss on a batch of crops, (B, 4, T, T) uint8 in main memory, by torch's generator.

        Parameters
        ----------
        crops : Tensor
        side_px : int
            Side of the global views.
        """
        recipe, device = self.recipe, self.textures.weight.device
        batch = draw_views(crops, recipe.views, side_px)
        hidden = draw_masks(len(batch.wide), side_px // recipe.network.patch_size, recipe.objective.mask_share)
        return self._compare(batch.to(device), hidden.to(device), len(crops))

    def _compare(self, batch: ViewBatch, hidden: torch.Tensor, n_crops: int) -> dict[str, torch.Tensor]:
        goal, grid = self.recipe.objective, batch.wide.shape[-1] // self.recipe.network.patch_size
        with torch.no_grad():
            taught, taught_patches = self.teacher(batch.wide)
            aims = teacher_targets(self.teacher.projection(taught), goal.teacher_temperature)
            patch_aims = teacher_targets(self.teacher.projection(taught_patches[hidden]), goal.teacher_temperature)
        said, patches = self.student(batch.wide, hidden)
        narrow = [self.student(batch.narrow)[0]] if len(batch.narrow) else []
        scores = self.student.projection(torch.cat([said, *narrow]))
        whole = torch.cat([said, patches.mean(dim=1)], dim=1)
        seen = self.portrait(whole[~hidden.any(dim=1)]).float()
        portrait = describe_views(batch.wide, batch.inside)[~hidden.any(dim=1)]
        return {
            "distil": distil_views(scores, aims, n_crops, goal.student_temperature),
            "masked_patches": distil_patches(
                self.student.projection(patches[hidden]), patch_aims, goal.student_temperature
            ),
            "spread": torch.stack([koleo_loss(view) for view in said.split(n_crops)]).mean(),
            "textures": F.mse_loss(self.textures(patches).float(), describe_patches(batch.wide, grid)),
            "portrait": F.mse_loss(seen, portrait),
        }

    def total(self, losses: dict[str, torch.Tensor]) -> torch.Tensor:
        """Add the losses up by the recipe's weights."""
        return torch.stack([getattr(self.recipe.objective, name) * losses[name] for name in LOSSES]).sum()

    def update_teacher(self, momentum: float) -> None:
        """Replace the teacher's weights by ``momentum * teacher + (1 - momentum) * student``."""
        get_ema_multi_avg_fn(momentum)(list(self.teacher.parameters()), list(self.student.parameters()), 0)


def pace(step: int, recipe: PretrainRecipe) -> float:
    """Share of the full learning rate at a step: up, flat, down.

    Flat in between, so that a run may be lengthened before it begins to cool down and be as if planned so.
    """
    return min(1.0, (step + 1) / recipe.schedule.warm_up, rest_of_run(step, recipe))


def memory(step: int, recipe: PretrainRecipe) -> float:
    """Memory of the teacher at a step: even, then up to 1 as the learning rate falls."""
    return 1 - (1 - recipe.schedule.momentum) * rest_of_run(step, recipe)


def rest_of_run(step: int, recipe: PretrainRecipe) -> float:
    """1 before the cool-down, then what is left of it."""
    schedule = recipe.schedule
    return min(1.0, (1 - step / schedule.steps) / schedule.cool_down)
