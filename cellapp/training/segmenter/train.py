"""Train the network of `cellapp.segmentation.flow_unet` from a recipe, with a checkpoint to continue from."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F
from torch.optim.swa_utils import get_ema_multi_avg_fn

from cellapp.errors import InputError
from cellapp.segmentation.flow_unet import FlowNetwork
from cellapp.segmentation.flow_unet_io import read_network, save_network
from cellapp.training.checkpoints import read_checkpoint, write_checkpoint
from cellapp.training.segmenter.augment import BatchSampler
from cellapp.training.segmenter.dataset import Example, prepare
from cellapp.training.segmenter.recipe import SegmenterRecipe
from cellapp.training.segmenter.source_images import read_labelled_images
from cellapp.types.image import OnStep

CHECKPOINT = "checkpoint.pt"
REPORT_EVERY = 20  # steps


@dataclass(eq=False)
class _TrainingState:
    """Content of a checkpoint."""

    network: FlowNetwork
    averaged: FlowNetwork
    optimiser: torch.optim.AdamW
    step: int = 0

    def save(self, path: Path) -> None:
        parts = {"network": self.network, "averaged": self.averaged, "optimiser": self.optimiser}
        write_checkpoint(path, {name: part.state_dict() for name, part in parts.items()} | {"step": self.step})

    def restore(self, path: Path) -> None:
        saved = read_checkpoint(path)
        if saved is None:
            return
        self.network.load_state_dict(saved["network"])
        self.averaged.load_state_dict(saved["averaged"])
        self.optimiser.load_state_dict(saved["optimiser"])
        self.step = saved["step"]


def train_segmenter(
    recipe: SegmenterRecipe,
    data: Path,
    out: Path,
    *,
    start: Path | None = None,
    device: str = "cpu",
    dtype: str = "float32",
    checkpoint_s: float = 120.0,
    on_step: OnStep | None = None,
) -> Path:
    """Train a network and write its weights; a checkpoint of an earlier call in `out` is continued.

    Parameters
    ----------
    recipe : SegmenterRecipe
    data : Path
        See `read_labelled_images`; only the split ``train`` is read.
    out : Path
        Folder for ``weights.safetensors``, ``config.json``, ``checkpoint.pt`` and the computed flows.
    start : Path, optional
        Folder of a network of the recipe's shape to start from; random weights otherwise.
    device, dtype : str
        "bfloat16" computes under autocast; weights stay float32.
    checkpoint_s : float
        Seconds between checkpoints.
    on_step : callable, optional
        Gets the loss as text and the fraction done; may raise `Cancelled`, and the next call continues from there.

    Returns
    -------
    Path
        `out`.

    Raises
    ------
    InputError
        When there are no labelled images, or the network of `start` has another shape.
    ModelError
        When `start` holds no network.
    """
    out.mkdir(parents=True, exist_ok=True)
    images = read_labelled_images(data, "train", recipe.n_synthetic, recipe.held_out)
    examples = [example for example in (prepare(image, out / "flows") for image in images) if example]
    state = _begin(recipe, start, device)
    state.restore(out / CHECKPOINT)
    saved = time.monotonic()
    for loss in _steps(recipe, examples, state, dtype):
        if state.step % REPORT_EVERY == 0 and on_step:
            on_step(f"Training, loss {loss:.3f}", state.step / recipe.steps)
        if time.monotonic() - saved > checkpoint_s:
            state.save(out / CHECKPOINT)
            saved = time.monotonic()
    state.save(out / CHECKPOINT)
    save_network(state.averaged, out)
    return out


def _begin(recipe: SegmenterRecipe, start: Path | None, device: str) -> _TrainingState:
    torch.manual_seed(recipe.seed)
    network = read_network(start).requires_grad_(True) if start else FlowNetwork(recipe.network)
    if network.settings != recipe.network:
        raise InputError(f"the recipe asks for {recipe.network} and {str(start)!r} holds {network.settings}")
    network = network.to(device, memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(network.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay)
    return _TrainingState(network, copy.deepcopy(network).requires_grad_(False), optimiser)


def _steps(recipe: SegmenterRecipe, examples: list[Example], state: _TrainingState, dtype: str) -> Iterator[float]:
    """Take the remaining steps and yield the loss of each."""
    batches = BatchSampler(recipe, examples)
    state.network.train()
    while state.step < recipe.steps:
        rng = np.random.default_rng([recipe.seed, state.step])  # a continued run draws the same batches
        planes, targets = batches.draw(rng, state.network.device)
        for group in state.optimiser.param_groups:
            group["lr"] = recipe.learning_rate_at(state.step)
        with torch.autocast(planes.device.type, torch.bfloat16, enabled=dtype == "bfloat16"):
            maps = state.network.predict(planes)
        loss = flow_loss(maps.float(), targets)
        state.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(state.network.parameters(), 5.0)
        state.optimiser.step()
        state.step += 1
        _average(state, recipe.average_decay_at(state.step))
        yield float(loss.detach())


def _average(state: _TrainingState, decay: float) -> None:
    """Update the moving average of weights and running statistics; counts of batches are copied."""
    averaged, current = state.averaged.state_dict(), state.network.state_dict()
    counts = {name: values for name, values in current.items() if not values.is_floating_point()}
    means = [name for name in current if name not in counts]
    get_ema_multi_avg_fn(decay)([averaged[name] for name in means], [current[name] for name in means], 0)
    state.averaged.load_state_dict(counts, strict=False)


FLOW_GAIN = 5.0  # Cellpose's networks predict five times the unit vector
SIZE_WEIGHT = 0.5


def flow_loss(maps: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return Cellpose's loss, weighted by pixel, plus the absolute error of the size where there are cells.

    Parameters
    ----------
    maps : Tensor of shape (N, 4, Y, X)
        Flow y, flow x, logit of the cell probability, binary logarithm of diameter / 30 px.
    targets : Tensor of shape (N, 5, Y, X)
        Unit flow y and x, cell (0 or 1), size, weight (0 outside the image).

    Returns
    -------
    Tensor
        Zero-dimensional.
    """
    cells, weights = targets[:, 2], targets[:, 4]
    flows = (maps[:, :2] - FLOW_GAIN * targets[:, :2]).square().mean(dim=1) / 2
    cell = F.binary_cross_entropy_with_logits(maps[:, 2], cells, reduction="none")
    size = (maps[:, 3] - targets[:, 3]).abs() * cells
    mean = ((flows + cell) * weights).sum() / weights.sum().clamp(min=1)
    return mean + SIZE_WEIGHT * size.sum() / cells.sum().clamp(min=1)
