"""Train a vision transformer from nothing on labelled crops."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cellapp.encoders.dino import blank_network
from cellapp.types import OnStep

if TYPE_CHECKING:
    import torch
    from torch import nn

_N_TEXTURES = 12
_WARM_UP = 0.1  # share of the steps in which the learning rate rises
_TEXTURE_WEIGHT = 0.5  # of the loss on patches, against 1 for the loss on cells
_SMOOTHING = 0.05  # labels are softened so that the features do not collapse onto the two classes


@dataclass(frozen=True)
class Schedule:
    """How long and how hard to train."""

    epochs: int = 24
    batch: int = 32
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    seed: int = 0


def train_encoder(
    pixels: np.ndarray,
    codes: np.ndarray,
    config: Mapping[str, Any],
    schedule: Schedule,
    *,
    standard: tuple[float, float] = (0.5, 0.5),
    dtype: str = "float32",
    on_step: OnStep | None = None,
) -> nn.Module:
    """Train so that a linear head on ``[class token, mean patch token]`` tells the classes apart.

    The head itself is dropped. So is a second one that reads from every patch token how bright its patch is and which
    way its texture runs; it says something about every patch of every crop, where a class says one bit.

    Every crop is turned, mirrored, scaled, dimmed and robbed of channels at random, so that the tokens depend on
    texture and shape rather than on direction, exposure or a particular stain.

    Parameters
    ----------
    pixels : ndarray of shape (N, 3, S, S), float32
        0 to 1.
    codes : ndarray of shape (N,)
        Class of each crop, 0 to K - 1.
    config : mapping
        Content of a ``config.json``.
    schedule : Schedule
    standard : tuple of float
        Mean and standard deviation every plane is standardised with.
    dtype : str
        Number format of the forward pass, see `cellapp.devices.probe_dtype`.
    on_step : callable, optional
        Told after each epoch.

    Returns
    -------
    Module
        In eval mode.
    """
    import torch
    from torch import nn

    torch.manual_seed(schedule.seed)
    network = blank_network(config)
    head = nn.Linear(2 * config["hidden_size"], int(codes.max()) + 1)
    texture_head = nn.Linear(config["hidden_size"], _N_TEXTURES)
    parameters = [*network.parameters(), *head.parameters(), *texture_head.parameters()]
    optimiser = torch.optim.AdamW(parameters, schedule.learning_rate, weight_decay=schedule.weight_decay)
    n_batches = math.ceil(len(codes) / schedule.batch)
    rate = torch.optim.lr_scheduler.LambdaLR(optimiser, _cosine(schedule.epochs * n_batches))
    crops, truth = torch.from_numpy(pixels), torch.from_numpy(codes.astype(np.int64))
    prefix = 1 + int(config.get("num_register_tokens", 0))
    network.train()
    for epoch in range(schedule.epochs):
        for rows in torch.randperm(len(truth)).split(schedule.batch):
            seen = augment(crops[rows])
            with torch.autocast("cpu", torch.bfloat16, enabled=dtype == "bfloat16"):
                tokens = network((seen - standard[0]) / standard[1]).last_hidden_state
                scores = head(torch.cat([tokens[:, 0], tokens[:, prefix:].mean(dim=1)], dim=1))
                told = texture_head(tokens[:, prefix:])
            loss = nn.functional.cross_entropy(scores.float(), truth[rows], label_smoothing=_SMOOTHING)
            loss = loss + _TEXTURE_WEIGHT * nn.functional.mse_loss(told.float(), textures(seen, config["patch_size"]))
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimiser.step()
            rate.step()
        if on_step:
            on_step(f"Training the encoder, epoch {epoch + 1}, loss {loss.item():.3f}", (epoch + 1) / schedule.epochs)
    return network.eval()


def augment(crops: torch.Tensor) -> torch.Tensor:
    """Turn, mirror, scale, dim and thin out crops, (N, 3, S, S), at random by torch's generator."""
    import torch
    from torch.nn.functional import affine_grid, grid_sample

    n = len(crops)
    angle, scale = torch.rand(n) * 2 * math.pi, torch.empty(n).uniform_(0.8, 1.15)
    mirror = torch.randint(0, 2, (n,)) * 2.0 - 1
    cos, sin, zero = torch.cos(angle) / scale, torch.sin(angle) / scale, torch.zeros(n)
    turn = torch.stack([torch.stack([cos * mirror, -sin, zero], 1), torch.stack([sin * mirror, cos, zero], 1)], 1)
    turned = grid_sample(crops, affine_grid(turn, list(crops.shape), align_corners=False), align_corners=False)
    gain, power = torch.empty(n, 3, 1, 1).uniform_(0.6, 1.3), torch.empty(n, 1, 1, 1).uniform_(0.75, 1.35)
    bright = (turned.clamp(0, 1) ** power * gain).clamp(0, 1)
    noise = torch.empty(n, 1, 1, 1).uniform_(0, 0.04) * torch.randn_like(bright) * (bright > 0)
    return _thin_out((bright + noise).clamp(0, 1))


def textures(crops: torch.Tensor, patch_px: int) -> torch.Tensor:
    """Describe every patch by brightness and structure tensor, standardised over the batch.

    Parameters
    ----------
    crops : Tensor of shape (N, 3, S, S)
    patch_px : int

    Returns
    -------
    Tensor of shape (N, P, 12)
        Mean of each plane, then ``Jxx + Jyy``, ``Jxx - Jyy`` and ``2 Jxy`` of each; patches in row-major order.
    """
    import torch
    from torch.nn.functional import avg_pool2d, pad

    dx = pad(crops[..., :, 2:] - crops[..., :, :-2], (1, 1, 0, 0))
    dy = pad(crops[..., 2:, :] - crops[..., :-2, :], (0, 0, 1, 1))
    planes = torch.cat([crops, dx**2 + dy**2, dx**2 - dy**2, 2 * dx * dy], dim=1)
    described = avg_pool2d(planes, patch_px).flatten(2).transpose(1, 2)
    mean, std = described.mean(dim=(0, 1)), described.std(dim=(0, 1))
    return (described - mean) / (std + 1e-6)


def _thin_out(crops: torch.Tensor) -> torch.Tensor:
    """Leave one plane out in three crops of twenty and copy one plane to all in one of twenty."""
    import torch

    n = len(crops)
    plane = torch.randint(0, 3, (n,))
    chosen = torch.nn.functional.one_hot(plane, 3).bool()[:, :, None, None]
    fate = torch.rand(n, 1, 1, 1)
    single = (crops * chosen).sum(dim=1, keepdim=True).expand_as(crops)
    return torch.where(fate < 0.05, single, torch.where((fate < 0.2) & chosen, 0.0, crops))


def _cosine(n_steps: int) -> Any:
    """Learning rate factor of a step: a linear rise, then half a cosine down to zero."""
    rise = max(1, round(_WARM_UP * n_steps))

    def factor(step: int) -> float:
        if step < rise:
            return (step + 1) / rise
        return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - rise) / max(1, n_steps - rise))))

    return factor
