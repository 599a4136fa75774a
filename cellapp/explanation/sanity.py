"""Whether maps depend on what the network learned, and whether they stay where the crop hardly changes."""

from __future__ import annotations

from copy import copy, deepcopy

import numpy as np
from scipy.stats import rankdata

from cellapp.encoders.dino import HubEncoder


def shuffled(encoder: HubEncoder, seed: int = 0) -> HubEncoder:
    """Return an encoder with the weights of each layer in random order; the one given stays as it is.

    A map that looks the same without what was learned cannot explain it (Adebayo and others 2018, arXiv:1810.03292).
    """
    import torch

    other, generator = copy(encoder), torch.Generator().manual_seed(seed)
    with encoder.lock, torch.no_grad():
        other.network = deepcopy(encoder.network)
        for parameter in other.network.parameters():
            order = torch.randperm(parameter.numel(), generator=generator).to(parameter.device)
            parameter.copy_(parameter.flatten()[order].reshape(parameter.shape))
    return other


def shifted(crops: np.ndarray) -> np.ndarray:
    """Move crops, (N, C, S, S), by one pixel to the right; the first column stays."""
    return np.concatenate([crops[..., :1], crops[..., :-1]], axis=-1)


def turned(crops: np.ndarray, turns: int = 1) -> np.ndarray:
    """Turn crops or maps, square in the last two axes, by quarter turns."""
    return np.ascontiguousarray(np.rot90(crops, turns, axes=(-2, -1)))


def rank_correlations(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return Spearman's correlation of each pair of maps, (N, h, w) each, as (N,); 0 where a map is even."""
    ranks = [rankdata(maps.reshape(len(maps), -1), axis=1) for maps in (one, other)]
    centred = [part - part.mean(axis=1, keepdims=True) for part in ranks]
    size = np.sqrt((centred[0] ** 2).sum(axis=1) * (centred[1] ** 2).sum(axis=1))
    return np.where(size > 0, (centred[0] * centred[1]).sum(axis=1) / np.maximum(size, 1e-12), 0.0)
