"""Train the network of `cellapp.segmentation.flow_unet` from a recipe; killed and started again, it goes on."""

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
from cellapp.files import atomic_write
from cellapp.segmentation.flow_unet import FlowNetwork
from cellapp.segmentation.flow_unet_io import read_network, save_network
from cellapp.training.segmenter.dataset import Example, prepare
from cellapp.training.segmenter.recipe import SegmenterRecipe
from cellapp.training.segmenter.sampler import Batches
from cellapp.training.segmenter.source_images import read_labelled_images
from cellapp.types.image import OnStep

CHECKPOINT = "checkpoint.pt"
REPORT_EVERY = 20  # steps


@dataclass(eq=False)
class _State:
    """What a checkpoint holds."""

    network: FlowNetwork
    averaged: FlowNetwork
    optimiser: torch.optim.AdamW
    step: int = 0

    def save(self, path: Path) -> None:
        parts = {"network": self.network, "averaged": self.averaged, "optimiser": self.optimiser}
        with atomic_write(path) as unfinished:
            torch.save({name: part.state_dict() for name, part in parts.items()} | {"step": self.step}, unfinished)

    def restore(self, path: Path) -> None:
        kept = torch.load(path, map_location=self.network.device, weights_only=True)
        self.network.load_state_dict(kept["network"])
        self.averaged.load_state_dict(kept["averaged"])
        self.optimiser.load_state_dict(kept["optimiser"])
        self.step = kept["step"]


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
    """Train a network and write its weights; a checkpoint of an earlier call in `out` is taken up.

    Parameters
    ----------
    recipe : SegmenterRecipe
    data : Path
        See `read_labelled_images`; the split ``train`` is read and nothing else.
    out : Path
        Folder for ``weights.safetensors``, ``config.json``, ``checkpoint.pt`` and the flows that were computed.
    start : Path, optional
        Folder of a network of the recipe's shape whose weights training sets out from; random ones otherwise.
    device, dtype : str
        "bfloat16" computes convolutions in it and keeps weights in float32.
    checkpoint_s : float
        Seconds between checkpoints.
    on_step : callable, optional
        Told the loss and the fraction done; it may raise `Cancelled`, and the next call goes on from there.

    Returns
    -------
    Path
        `out`.

    Raises
    ------
    InputError
        When there is nothing to learn from, or the network of `start` has another shape.
    ModelError
        When `start` holds no network.
    """
    out.mkdir(parents=True, exist_ok=True)
    pictures = read_labelled_images(data, "train", recipe.n_synthetic, recipe.held_out)
    examples = [example for example in (prepare(picture, out / "flows") for picture in pictures) if example]
    state = _begin(recipe, start, device)
    if (out / CHECKPOINT).is_file():
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


def _begin(recipe: SegmenterRecipe, start: Path | None, device: str) -> _State:
    torch.manual_seed(recipe.seed)
    network = read_network(start).requires_grad_(True) if start else FlowNetwork(recipe.network)
    if network.settings != recipe.network:
        raise InputError(f"the recipe asks for {recipe.network} and {str(start)!r} holds {network.settings}")
    network = network.to(device, memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(network.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay)
    return _State(network, copy.deepcopy(network).requires_grad_(False), optimiser)


def _steps(recipe: SegmenterRecipe, examples: list[Example], state: _State, dtype: str) -> Iterator[float]:
    """Take the steps that are left, telling the loss after each."""
    batches = Batches(recipe, examples)
    state.network.train()
    while state.step < recipe.steps:
        rng = np.random.default_rng([recipe.seed, state.step])  # a resumed run draws what it would have drawn
        planes, targets = batches.draw(rng, state.network.device)
        for group in state.optimiser.param_groups:
            group["lr"] = recipe.learning_rate * _pace(state.step / recipe.steps, recipe)
        with torch.autocast(planes.device.type, torch.bfloat16, enabled=dtype == "bfloat16"):
            maps = state.network.predict(planes)
        loss = flow_loss(maps.float(), targets)
        state.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(state.network.parameters(), 5.0)
        state.optimiser.step()
        state.step += 1
        _average(state, min(recipe.average, state.step / (state.step + 10)))
        yield float(loss.detach())


def _pace(done: float, recipe: SegmenterRecipe) -> float:
    """Share of the full learning rate: up, flat, down."""
    up = min(1.0, (done + 1e-3) / max(recipe.warm_up, 1e-3))
    return min(up, (1 - done) / recipe.cool_down)


def _average(state: _State, decay: float) -> None:
    """Update the moving average of weights and running statistics; counts of batches are copied."""
    averaged, current = state.averaged.state_dict(), state.network.state_dict()
    counts = {name: values for name, values in current.items() if not values.is_floating_point()}
    means = [name for name in current if name not in counts]
    get_ema_multi_avg_fn(decay)([averaged[name] for name in means], [current[name] for name in means], 0)
    state.averaged.load_state_dict(counts, strict=False)


FLOW_GAIN = 5.0  # Cellpose's networks predict five times the unit vector
SIZE_WEIGHT = 0.5


def flow_loss(maps: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Cellpose's loss, pixels by their emphasis, and the absolute error of the size where there are cells.

    Parameters
    ----------
    maps : Tensor of shape (N, 4, Y, X)
        Flow y, flow x, logit of the cell probability, binary logarithm of diameter / 30 px.
    targets : Tensor of shape (N, 5, Y, X)
        Unit flow y and x, cell (0 or 1), size, emphasis (0 where nothing counts, outside the image).

    Returns
    -------
    Tensor
        A number.
    """
    cells, emphasis = targets[:, 2], targets[:, 4]
    flows = (maps[:, :2] - FLOW_GAIN * targets[:, :2]).square().mean(dim=1) / 2
    cell = F.binary_cross_entropy_with_logits(maps[:, 2], cells, reduction="none")
    off = (maps[:, 3] - targets[:, 3]).abs() * cells
    missed = ((flows + cell) * emphasis).sum() / emphasis.sum().clamp(min=1)
    return missed + SIZE_WEIGHT * off.sum() / cells.sum().clamp(min=1)
