"""Which images the crops of a batch come from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch

from cellapp.errors import InputError
from cellapp.training.segmenter.augment import draw_sample
from cellapp.training.segmenter.dataset import Example
from cellapp.training.segmenter.recipe import SegmenterRecipe

EVENNESS = 0.3  # 0: every image of a kind is as likely; 1: every image size is


class Batches:
    """Draws kinds by the recipe's shares, and images of rare sizes more often than their number.

    Images of one size mostly come from one microscope, and a few acquisitions hold most images of a public set.
    """

    def __init__(self, recipe: SegmenterRecipe, examples: Sequence[Example]) -> None:
        by_kind = {kind: [e for e in examples if e.kind is kind] for kind in recipe.shares}
        self._pools = {kind: members for kind, members in by_kind.items() if members}
        if not self._pools:
            raise InputError("none of the training images holds a cell of a kind in the recipe's shares")
        self._recipe = recipe
        self._shares = _to_one([recipe.shares[kind] for kind in self._pools])
        self._odds = {kind: _odds(members) for kind, members in self._pools.items()}

    def draw(self, rng: np.random.Generator, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw the planes, (N, 2, S, S), and targets, (N, 5, S, S), of one batch."""
        kinds = rng.choice(list(self._pools), self._recipe.batch, p=self._shares)
        chosen = [self._pools[kind][rng.choice(len(self._odds[kind]), p=self._odds[kind])] for kind in kinds]
        samples = [draw_sample(example, self._recipe.crop_px, rng) for example in chosen]
        planes = torch.stack([s.planes for s in samples]).to(device, memory_format=torch.channels_last)
        return planes, torch.stack([s.targets for s in samples]).to(device)


def _odds(members: Sequence[Example]) -> np.ndarray:
    n_alike = Counter(example.labels.shape for example in members)
    return _to_one([n_alike[example.labels.shape] ** -EVENNESS for example in members])


def _to_one(weights: Sequence[float]) -> np.ndarray:
    return np.asarray(weights) / np.sum(weights)
