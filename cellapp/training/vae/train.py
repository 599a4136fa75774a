"""Train a variational autoencoder on crops, epoch by epoch, going on after an interruption with the same result."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from cellapp.errors import InputError
from cellapp.training.checkpoints import read_checkpoint, write_checkpoint
from cellapp.training.vae.network import Vae
from cellapp.training.vae.recipe import VaeRecipe
from cellapp.types.image import OnStep

CHECKPOINT = "checkpoint.pt"
MIN_CELLS = 20
_CHUNK = 512  # crops encoded at once


@dataclass(frozen=True, eq=False)
class TrainedVae:
    """An autoencoder and what training it looked like."""

    network: Vae  # in eval mode
    recipe: VaeRecipe
    conditions: tuple[str, ...]  # in the order of their codes; none for a plain autoencoder
    curves: list[dict[str, float]] = field(default_factory=list)
    """Per epoch: epoch, beta, error and divergence of training (nats per crop), held_out_error (mean squared)."""
    mean_image_error: float = 0.0
    """Mean squared error on held-out crops when each is taken for the mean training crop: what is to be beaten."""

    @property
    def held_out_error(self) -> float:
        """Mean squared error of held-out crops after the last epoch."""
        return self.curves[-1]["held_out_error"]

    def encode(self, crops: np.ndarray) -> np.ndarray:
        """Return posterior means, (N, latent) float32, of crops (N, planes, side, side) uint8: the same every time."""
        parts = [np.zeros((0, self.recipe.latent), np.float32)]
        with torch.inference_mode():
            for start in range(0, len(crops), _CHUNK):
                parts.append(self.network.encode(as_floats(crops[start : start + _CHUNK]))[0].numpy())
        return np.concatenate(parts)

    def decode(self, latent: np.ndarray, condition: np.ndarray | None = None) -> np.ndarray:
        """Return crops, (N, planes, side, side) float32 from 0 to 1, of latent vectors; the first condition if none."""
        with torch.inference_mode():
            codes = None
            if self.conditions:
                codes = torch.as_tensor(np.zeros(len(latent)) if condition is None else condition, dtype=torch.long)
            return torch.sigmoid(self.network.decode(torch.as_tensor(latent, dtype=torch.float32), codes)).numpy()


def as_floats(crops: np.ndarray) -> torch.Tensor:
    """Return crops, uint8 0 to 255, as float32 0 to 1."""
    return torch.from_numpy(crops).to(torch.float32).div_(255)


def train_vae(
    crops: np.ndarray,
    recipe: VaeRecipe,
    work: Path,
    *,
    groups: Sequence[str],
    conditions: Sequence[str] | None = None,
    on_step: OnStep = lambda step, part: None,
) -> TrainedVae:
    """Train on crops; no class or condition takes part in what they are encoded to.

    Parameters
    ----------
    crops : ndarray of shape (N, planes, S, S), uint8
        S is `recipe.side_px`.
    recipe : VaeRecipe
    work : Path
        Folder for the checkpoint, written after every epoch; the next call with the same input goes on from it.
    groups : sequence of str
        The image of each crop; whole images are held out where there are several.
    conditions : sequence of str, optional
        N conditions, for a conditional autoencoder.
    on_step : callable
        Progress; may raise `Cancelled`.

    Raises
    ------
    InputError
        When there are fewer than 20 crops, they have another side, or the checkpoint is of other crops.
    """
    _check(crops, recipe)
    names, codes = _codes(conditions)
    held_out = held_out_rows(groups, recipe)
    torch.manual_seed(recipe.seed)
    network = Vae(recipe, crops.shape[1], len(names))
    optimiser = torch.optim.Adam(network.parameters(), recipe.learning_rate)
    curves = _restore(work, _digest(crops, codes, recipe), network, optimiser)
    training = np.flatnonzero(~held_out)
    started, before = time.monotonic(), len(curves)
    for epoch in range(before, recipe.epochs):
        figures = _epoch(network, optimiser, crops, codes, training, recipe, epoch)
        error = reconstruction_error(network, crops, codes, np.flatnonzero(held_out))
        curves.append({"epoch": epoch + 1, **figures, "held_out_error": error})
        state = {"network": network.state_dict(), "optimiser": optimiser.state_dict(), "curves": curves}
        write_checkpoint(work / CHECKPOINT, state | {"of": _digest(crops, codes, recipe)})
        left_s = (time.monotonic() - started) / (epoch + 1 - before) * (recipe.epochs - epoch - 1)
        on_step(f"Epoch {epoch + 1} of {recipe.epochs}, {left_s:.0f} s left", (epoch + 1) / recipe.epochs)
    mean = crops[training].mean(axis=0, dtype=np.float64) / 255
    mean_error = float(np.mean((crops[held_out] / 255.0 - mean) ** 2))
    return TrainedVae(network.eval(), recipe, names, curves, mean_error)


def held_out_rows(groups: Sequence[str], recipe: VaeRecipe) -> np.ndarray:
    """Return which crops are held out, (N,) bool: whole images where there are at least two, else single crops."""
    names, of_crop = np.unique(np.asarray(groups, str), return_inverse=True)
    generator = np.random.default_rng(recipe.seed)
    if len(names) < 2:
        names, of_crop = np.arange(len(groups)), np.arange(len(groups))
    order, wanted = generator.permutation(len(names)), recipe.held_out * len(groups)
    sizes = np.cumsum(np.bincount(of_crop)[order])
    n_groups = min(max(1, int(np.searchsorted(sizes, wanted)) + 1), len(names) - 1)
    return np.isin(of_crop, order[:n_groups])


def reconstruction_error(network: Vae, crops: np.ndarray, codes: torch.Tensor | None, rows: np.ndarray) -> float:
    """Return the mean squared error per pixel of crops that are encoded to their means and decoded.

    Parameters
    ----------
    network : Vae
    crops : ndarray of shape (N, C, S, S), uint8
    codes : Tensor of shape (N,), int64, optional
        Number of the condition of each crop; None where the network takes none.
    rows : ndarray of int
        Which crops count.
    """
    network.eval()
    total = 0.0
    with torch.inference_mode():
        for start in range(0, len(rows), _CHUNK):
            part = rows[start : start + _CHUNK]
            pixels = as_floats(crops[part])
            decoded = torch.sigmoid(network.decode(network.encode(pixels)[0], None if codes is None else codes[part]))
            total += float((decoded - pixels).square().sum())
    return total / (len(rows) * crops[0].size)


def _epoch(
    network: Vae,
    optimiser: torch.optim.Optimizer,
    crops: np.ndarray,
    codes: torch.Tensor | None,
    rows: np.ndarray,
    recipe: VaeRecipe,
    epoch: int,
) -> dict[str, float]:
    """Go once over the training crops; each epoch draws from a generator of its own, so that it can be repeated."""
    generator = torch.Generator().manual_seed(recipe.seed * 1_000_003 + epoch)
    beta = recipe.beta * min(1.0, (epoch + 1) / max(1.0, recipe.warm_up * recipe.epochs))
    order, sums = rows[torch.randperm(len(rows), generator=generator).numpy()], np.zeros(2)
    network.train()
    for start in range(0, len(order), recipe.batch):
        part = order[start : start + recipe.batch]
        if len(part) < 2:  # one crop has no statistics for a batch norm
            continue
        noise = torch.randn(len(part), recipe.latent, generator=generator)
        losses = network.losses(as_floats(crops[part]), None if codes is None else codes[part], noise)
        optimiser.zero_grad()
        (losses[0] + beta * losses[1]).backward()
        optimiser.step()
        sums += len(part) * np.array([loss.item() for loss in losses])
    return {"beta": beta, "error": float(sums[0]) / len(order), "divergence": float(sums[1]) / len(order)}


def _check(crops: np.ndarray, recipe: VaeRecipe) -> None:
    if len(crops) < MIN_CELLS:
        raise InputError(f"an autoencoder needs at least {MIN_CELLS} cells to learn from; got {len(crops)}")
    if crops.shape[2:] != (recipe.side_px, recipe.side_px):
        raise InputError(f"crops of {crops.shape[2]} by {crops.shape[3]} px; the recipe reads {recipe.side_px} px")


def _codes(conditions: Sequence[str] | None) -> tuple[tuple[str, ...], torch.Tensor | None]:
    if conditions is None:
        return (), None
    names, codes = np.unique(np.asarray(conditions, str), return_inverse=True)
    return tuple(names.tolist()), torch.as_tensor(codes, dtype=torch.long)


def _digest(crops: np.ndarray, codes: torch.Tensor | None, recipe: VaeRecipe) -> str:
    digest = hashlib.sha256(recipe.model_dump_json().encode())
    digest.update(np.ascontiguousarray(crops).data)
    digest.update(b"" if codes is None else codes.numpy().tobytes())
    return digest.hexdigest()


def _restore(work: Path, of: str, network: Vae, optimiser: torch.optim.Optimizer) -> list[dict[str, float]]:
    """Load the checkpoint of an interrupted call; returns the curves so far."""
    work.mkdir(parents=True, exist_ok=True)
    saved = read_checkpoint(work / CHECKPOINT)
    if saved is None:
        return []
    if saved["of"] != of:
        raise InputError(f"{str(work)!r} holds the training of other crops or another recipe; choose a new --out")
    network.load_state_dict(saved["network"])
    optimiser.load_state_dict(saved["optimiser"])
    return list(saved["curves"])
