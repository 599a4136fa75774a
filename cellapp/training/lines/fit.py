"""Train a network of lines on bags, and call bags by it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from cellapp.training.lines.bags import Bag, draw_segments
from cellapp.training.lines.network import LineNetwork
from cellapp.training.lines.recipe import LineRecipe

MOST_INSTANCES = 256
"""Of a bag in one step; patches of four images are fewer, cells of a slide may be thousands."""


@dataclass(frozen=True, eq=False)
class LineModel:
    """A trained network with the scale of its input."""

    network: LineNetwork  # in eval mode
    mean: np.ndarray  # (F,)
    deviation: np.ndarray  # (F,), positive
    lines: tuple[str, ...]

    def call(self, bags: Sequence[Bag]) -> tuple[np.ndarray, list[np.ndarray]]:
        """Return the probability of each line, (B, K), and the weight of each patch of each bag, which sum to 1."""
        probabilities, weights = [], []
        with torch.inference_mode():
            for bag in bags:
                vectors = torch.as_tensor((bag.vectors - self.mean) / self.deviation, dtype=torch.float32)[None]
                logits, attention = self.network(vectors, torch.ones(vectors.shape[:2], dtype=torch.bool))
                probabilities.append(torch.softmax(logits[0], dim=0).numpy())
                weights.append(attention[0].numpy())
        return np.array(probabilities, np.float64).reshape(len(bags), len(self.lines)), weights


def fit_lines(bags: Sequence[Bag], lines: Sequence[str], recipe: LineRecipe, pooling: str = "attention") -> LineModel:
    """Train on all of some bags; each step sees one image of each segment of each sequence.

    Parameters
    ----------
    bags : sequence of Bag
        At least one of each line.
    lines : sequence of str
        Names in the order of the probabilities.
    recipe : LineRecipe
    pooling : str
        See `LineNetwork`.
    """
    names, generator = tuple(lines), np.random.default_rng(recipe.seed)
    everything = np.concatenate([bag.vectors for bag in bags]).astype(np.float64)
    mean, deviation = everything.mean(axis=0), everything.std(axis=0)
    deviation = np.maximum(deviation, max(1e-6, 0.02 * float(np.median(deviation))))
    codes = torch.as_tensor([names.index(bag.sequence.line) for bag in bags])
    share = np.bincount(codes, minlength=len(names))
    balance = torch.as_tensor(len(bags) / np.maximum(share, 1) / len(names), dtype=torch.float32)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        network = LineNetwork(everything.shape[1], len(names), pooling)
        optimiser = torch.optim.AdamW(network.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay)
        for _ in range(recipe.epochs):
            rows = [draw_segments(bag, generator, recipe.segments, MOST_INSTANCES) for bag in bags]
            drawn = [(bag.vectors[row] - mean) / deviation for bag, row in zip(bags, rows, strict=True)]
            logits, _ = network(*_filled(drawn))
            optimiser.zero_grad()
            cross_entropy(logits, codes, weight=balance).backward()
            optimiser.step()
    return LineModel(network.eval(), mean, deviation, names)


def _filled(bags: Sequence[np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
    """Fill bags up to the same number of instances; returns them, (B, N, F), and which are no filling, (B, N)."""
    longest = max(len(bag) for bag in bags)
    vectors = np.zeros((len(bags), longest, bags[0].shape[1]), np.float32)
    there = np.zeros((len(bags), longest), bool)
    for row, bag in enumerate(bags):
        vectors[row, : len(bag)], there[row, : len(bag)] = bag, True
    return torch.from_numpy(vectors), torch.from_numpy(there)
