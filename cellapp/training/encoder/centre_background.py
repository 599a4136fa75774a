"""Centre the tokens of an encoder on those of black patches."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from cellapp.training.encoder.crop_dataset import CropSet
from cellapp.training.encoder.recipe import PretrainRecipe
from cellapp.training.encoder.student_teacher import masked_cells, standardise

_CELLS = 512


@torch.no_grad()
def centre_background(network: nn.Module, crops: CropSet, recipe: PretrainRecipe) -> None:
    """Shift the bias of the last norm, in place, so that black patches around cells have a mean token of zero.

    A constant added to all tokens changes nothing for a linear head, which takes it into its bias, but everything for
    its map: without the shift each patch carries the same large share of the logit, the black ones around the cell too.

    Parameters
    ----------
    network : Module
        DINOv2 of transformers.
    crops : CropSet
        512 random cells of it are encoded; without a black patch among them nothing is changed.
    recipe : PretrainRecipe
    """
    network.eval()
    rows = np.random.default_rng(0).permutation(len(crops))[:_CELLS]
    pixels = torch.from_numpy(crops.pixels[rows]).to(network.layernorm.bias.device)
    cells = masked_cells(pixels, recipe)
    patches = network(standardise(cells, recipe)).last_hidden_state[:, recipe.network.n_prefix :]
    brightest = nn.functional.max_pool2d(cells.amax(dim=1, keepdim=True), recipe.network.patch_size).flatten(1)
    black = patches[brightest == 0]
    if len(black):
        network.layernorm.bias -= black.mean(dim=0)
