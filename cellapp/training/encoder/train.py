"""Train an encoder from a recipe and a set of crops; killed and started again, it goes on where it was."""

from __future__ import annotations

import time
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import nn

from cellapp.encoders.dino import suit_attention
from cellapp.errors import InputError
from cellapp.training.encoder.checkpoint import State, make_optimiser
from cellapp.training.encoder.crop_dataset import CropSet
from cellapp.training.encoder.knn_monitor import knn_of_sets, write_curves
from cellapp.training.encoder.recipe import PretrainRecipe
from cellapp.training.encoder.student_teacher import LOSSES, StudentTeacher, memory, pace
from cellapp.types.image import OnStep

CURVES = "curves.csv"
_CLIP = 3.0  # of the gradient's norm


def pretrain(
    recipe: PretrainRecipe,
    crops: CropSet,
    out: Path,
    *,
    network: nn.Module | None = None,
    device: str = "cpu",
    dtype: str = "float32",
    checkpoint_s: float = 120.0,
    on_step: OnStep | None = None,
) -> State:
    """Train student and teacher; a checkpoint of an earlier call in `out` is taken up.

    Every step draws from generators seeded by its number, so that a run that was stopped ends as it would have.

    Parameters
    ----------
    recipe : PretrainRecipe
    crops : CropSet
    out : Path
        Folder for ``checkpoint.pt`` and ``curves.csv``.
    network : Module, optional
        Encoder to start from.
    device, dtype : str
        "bfloat16" computes under autocast and keeps weights in float32.
    checkpoint_s : float
        Seconds between checkpoints.
    on_step : callable, optional
        Told the loss and the fraction done; it may raise `Cancelled`, and the next call goes on from there.

    Returns
    -------
    State
        With the learner in eval mode, whose teacher is the result, and the curves.

    Raises
    ------
    InputError
        When there are too few crops, or the checkpoint is of another network.
    """
    out.mkdir(parents=True, exist_ok=True)
    learner = StudentTeacher(recipe, network).to(device).train()
    for branch in (learner.student, learner.teacher):
        suit_attention(branch.network, device, dtype)
    state = State(learner, make_optimiser(learner, recipe))
    state.restore(out)
    learnt, asked = split(crops, recipe.held_out)
    pixels, chances = torch.from_numpy(learnt.pixels), _chances(learnt, recipe)
    saved = time.monotonic()
    while state.step < recipe.schedule.steps:
        loss = _learn(state, recipe, pixels[_draw(state, recipe, chances)], dtype)
        if state.step % recipe.schedule.curve_every == 0 or state.step == recipe.schedule.steps:
            _add_point(state, knn_of_sets(learner.teacher.network, learnt, asked, recipe, dtype=dtype))
            write_curves(state.curves, out / CURVES)
        if on_step:
            on_step(f"Pretraining, loss {loss:.3f}", state.step / recipe.schedule.steps)
        if time.monotonic() - saved > checkpoint_s:
            state.save(out)
            saved = time.monotonic()
    state.save(out)
    learner.eval()
    return state


def split(crops: CropSet, held_out: float) -> tuple[CropSet, CropSet]:
    """Set aside the cells of some images, chosen by the images' names: what is learnt from, what the kNN curve asks.

    Raises
    ------
    InputError
        When nothing would be left to learn from.
    """
    chosen = np.array([zlib.crc32(group.encode()) / 2**32 < held_out for group in crops.groups], dtype=bool)
    chosen &= crops.labels != ""
    if chosen.all():
        raise InputError(f"{len(crops)} crops are too few to learn from: add more")
    return crops[~chosen], crops[chosen]


def _chances(crops: CropSet, recipe: PretrainRecipe) -> np.ndarray:
    """How likely each crop is drawn: sources by their shares, cells of one source alike."""
    shares = {source.name: source.share for source in recipe.sources}
    names, codes, counts = np.unique(crops.sources, return_inverse=True, return_counts=True)
    chances = np.array([shares.get(name, 1.0) for name in names])[codes] / counts[codes]
    return chances / chances.sum()


def _draw(state: State, recipe: PretrainRecipe, chances: np.ndarray) -> torch.Tensor:
    """Seed torch for a step and choose its crops, (B,) int64."""
    seed = int(np.random.SeedSequence([recipe.schedule.seed, state.step]).generate_state(1)[0])
    torch.manual_seed(seed)
    return torch.from_numpy(np.random.default_rng(seed).choice(len(chances), recipe.schedule.batch, p=chances))


def _learn(state: State, recipe: PretrainRecipe, crops: torch.Tensor, dtype: str) -> float:
    """Take one step; returns the loss."""
    learner, device = state.learner, state.learner.textures.weight.device
    for group in state.optimiser.param_groups:
        group["lr"] = recipe.schedule.learning_rate * pace(state.step, recipe)
    with torch.autocast(device.type, torch.bfloat16, enabled=dtype == "bfloat16"):
        losses = learner.losses(crops, _side(state.step, recipe))
    total = learner.total(losses)
    state.optimiser.zero_grad()
    total.backward()
    nn.utils.clip_grad_norm_(learner.student.parameters(), _CLIP)
    state.optimiser.step()
    learner.update_teacher(memory(state.step, recipe))
    state.step += 1
    for name in LOSSES:
        state.sums[name] += float(losses[name].detach())
    state.sums["steps"] += 1
    return float(total.detach())


def _side(step: int, recipe: PretrainRecipe) -> int:
    """Side of the global views at a step: small, and at the end what the encoder reads (Touvron et al. 2019)."""
    final = step >= (1 - recipe.views.final_share) * recipe.schedule.steps
    return recipe.network.image_size if final else recipe.views.global_px


def _add_point(state: State, accuracy: float) -> None:
    """Close the point of the curves that ends here, losses as means since the one before."""
    losses = {name: round(state.sums[name] / state.sums["steps"], 5) for name in LOSSES}
    state.curves.append({"step": state.step, **losses, "knn": round(accuracy, 4)})
    state.sums.clear()
