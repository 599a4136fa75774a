"""Train the network of `cellapp.segmentation.flow_unet` from a recipe, with a checkpoint to continue from."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.optim.swa_utils import get_ema_multi_avg_fn

from cellapp.errors import InputError
from cellapp.segmentation.flow_unet import FlowNetwork
from cellapp.segmentation.flow_unet_io import read_network, save_network
from cellapp.training.checkpoints import read_checkpoint, write_checkpoint
from cellapp.training.segmenter.augment import BatchSampler
from cellapp.training.segmenter.curves import Curves
from cellapp.training.segmenter.dataset import Example, prepare_all
from cellapp.training.segmenter.losses import flow_loss, foreground_loss
from cellapp.training.segmenter.recipe import SegmenterRecipe
from cellapp.training.segmenter.source_images import any_held_out, list_images
from cellapp.types.image import OnStep

CHECKPOINT = "checkpoint.pt"
REPORT_EVERY = 20  # steps


@dataclass(eq=False)
class _TrainingState:
    """Content of a checkpoint."""

    network: FlowNetwork
    averaged: FlowNetwork
    optimiser: torch.optim.AdamW
    curves: Curves
    step: int = 0

    def save(self, path: Path) -> None:
        parts = {"network": self.network, "averaged": self.averaged}
        parts |= {"optimiser": self.optimiser, "curves": self.curves}
        write_checkpoint(path, {name: part.state_dict() for name, part in parts.items()} | {"step": self.step})

    def restore(self, path: Path) -> None:
        saved = read_checkpoint(path)
        if saved is None:
            return
        self.network.load_state_dict(saved["network"])
        self.averaged.load_state_dict(saved["averaged"])
        self.optimiser.load_state_dict(saved["optimiser"])
        if "curves" in saved:
            self.curves.load_state_dict(saved["curves"])
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
        See `list_images`; only the split ``train`` is read, and what the recipe holds out of it for curves.
    out : Path
        Folder for ``weights.safetensors``, ``config.json``, ``curves.json``, ``checkpoint.pt`` and the computed flows.
    start : Path, optional
        Folder of a network of the recipe's shape to start from, whatever its head; random weights otherwise.
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
    examples, held_out = (_examples(recipe, data, out, split) for split in ("train", "choose"))
    return train_on_examples(
        recipe,
        examples,
        out,
        held_out=held_out,
        start=start,
        device=device,
        dtype=dtype,
        checkpoint_s=checkpoint_s,
        on_step=on_step,
    )


def train_on_examples(
    recipe: SegmenterRecipe,
    examples: Sequence[Example],
    out: Path,
    *,
    held_out: Sequence[Example] = (),
    start: Path | None = None,
    device: str = "cpu",
    dtype: str = "float32",
    checkpoint_s: float = 120.0,
    on_step: OnStep | None = None,
) -> Path:
    """Train a network on images that are prepared already.

    Curves of `held_out` are kept; other parameters and errors are those of `train_segmenter`.
    """
    out.mkdir(parents=True, exist_ok=True)
    curves = Curves(recipe.steps, recipe.batch, len(examples), held_out)
    state = _begin(recipe, start, device, curves)
    state.restore(out / CHECKPOINT)
    saved = time.monotonic()
    for loss in _steps(recipe, examples, state, dtype):
        curves.close_epoch(state.step, state.averaged, out)
        if state.step % REPORT_EVERY == 0 and on_step:
            on_step(f"Training, loss {loss:.3f}", state.step / recipe.steps)
        if time.monotonic() - saved > checkpoint_s:
            state.save(out / CHECKPOINT)
            saved = time.monotonic()
    state.save(out / CHECKPOINT)
    save_network(state.averaged, out)
    return out


def _examples(recipe: SegmenterRecipe, data: Path, out: Path, split: str) -> list[Example]:
    """Prepare the images of a split; of those held out, without synthetic ones, there may be none."""
    kinds = [kind for kind, share in recipe.shares.items() if share]
    held_out = split == "choose"
    if held_out and not any_held_out(data, recipe.held_out, kinds):
        return []
    n_synthetic, n_label_free = (0, 0) if held_out else (recipe.n_synthetic, recipe.n_label_free)
    tasks = list_images(data, split, n_synthetic, recipe.held_out, n_label_free=n_label_free, kinds=kinds)
    return prepare_all(tasks, out / "flows" if recipe.head == "flows" else None)


def _begin(recipe: SegmenterRecipe, start: Path | None, device: str, curves: Curves) -> _TrainingState:
    torch.manual_seed(recipe.seed)
    network = FlowNetwork(recipe.network)
    if start:
        network = read_network(start).with_head(recipe.head).requires_grad_(True)
    if network.settings != recipe.network:
        raise InputError(f"the recipe asks for {recipe.network} and {str(start)!r} holds {network.settings}")
    network = network.to(device, memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(network.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay)
    return _TrainingState(network, copy.deepcopy(network).requires_grad_(False), optimiser, curves)


def _steps(recipe: SegmenterRecipe, examples: Sequence[Example], state: _TrainingState, dtype: str) -> Iterator[float]:
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
        loss = _loss(recipe, maps.float(), targets)
        state.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(state.network.parameters(), 5.0)
        state.optimiser.step()
        state.step += 1
        _average(state, recipe.average_decay_at(state.step))
        state.curves.add(float(loss.detach()), maps.detach(), targets)
        yield float(loss.detach())


def _loss(recipe: SegmenterRecipe, maps: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    if recipe.head == "flows":
        return flow_loss(maps, targets)
    return foreground_loss(maps, targets, recipe.dice_weight)


def _average(state: _TrainingState, decay: float) -> None:
    """Update the moving average of weights and running statistics; counts of batches are copied."""
    averaged, current = state.averaged.state_dict(), state.network.state_dict()
    counts = {name: values for name, values in current.items() if not values.is_floating_point()}
    means = [name for name in current if name not in counts]
    get_ema_multi_avg_fn(decay)([averaged[name] for name in means], [current[name] for name in means], 0)
    state.averaged.load_state_dict(counts, strict=False)
