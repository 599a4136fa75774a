"""Train an encoder from a recipe and a set of crops, with a checkpoint from which an interrupted run continues."""

from __future__ import annotations

import time
import zlib
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import nn

from cellapp.encoders.hf_network import choose_attention
from cellapp.errors import InputError
from cellapp.training.checkpoints import read_checkpoint, write_checkpoint
from cellapp.training.encoder.crop_dataset import CropSet
from cellapp.training.encoder.knn_monitor import knn_of_sets, write_curves
from cellapp.training.encoder.recipe import PretrainRecipe
from cellapp.training.encoder.student_teacher import LOSSES, StudentTeacher
from cellapp.types.image import OnStep

CHECKPOINT, CURVES = "checkpoint.pt", "curves.csv"
_BETAS = (0.9, 0.98)
_MAX_GRADIENT_NORM = 3.0


@dataclass(eq=False)
class TrainingState:
    """Content of a checkpoint."""

    learner: StudentTeacher
    optimiser: torch.optim.AdamW
    step: int = 0
    curves: list[dict[str, float]] = field(default_factory=list)
    sums: dict[str, float] = field(default_factory=lambda: defaultdict(float))  # of losses since the last point

    def save(self, folder: Path) -> None:
        """Write ``checkpoint.pt``, whole or not at all."""
        weights = {"learner": self.learner.state_dict(), "optimiser": self.optimiser.state_dict()}
        figures = {"step": self.step, "curves": self.curves, "sums": dict(self.sums)}
        write_checkpoint(folder / CHECKPOINT, weights | figures)

    def restore(self, folder: Path) -> None:
        """Load ``checkpoint.pt`` where there is one.

        Raises
        ------
        InputError
            When it is of a network of another shape.
        """
        path = folder / CHECKPOINT
        saved = read_checkpoint(path)
        if saved is None:
            return
        try:
            self.learner.load_state_dict(saved["learner"])
        except RuntimeError as error:
            raise InputError(f"{str(path)!r} is of another network than the recipe's; choose a new --out") from error
        self.optimiser.load_state_dict(saved["optimiser"])
        self.step, self.curves = saved["step"], saved["curves"]
        self.sums.update(saved["sums"])


def new_state(recipe: PretrainRecipe, network: nn.Module | None = None, device: str = "cpu") -> TrainingState:
    """Return the state before the first step, with AdamW that decays matrices only, as usual for transformers."""
    learner = StudentTeacher(recipe, network).to(device)
    weights = [p for p in learner.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in weights if p.ndim > 1], "weight_decay": recipe.schedule.weight_decay},
        {"params": [p for p in weights if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return TrainingState(learner, torch.optim.AdamW(groups, recipe.schedule.learning_rate, betas=_BETAS))


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
) -> TrainingState:
    """Train student and teacher; a checkpoint of an earlier call in `out` is continued.

    Every step draws from generators seeded by its number, so that an interrupted run ends with the same weights.

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
        Gets the loss as text and the fraction done; may raise `Cancelled`, and the next call continues from there.

    Returns
    -------
    TrainingState
        With the learner in eval mode, whose teacher is the result, and the curves.

    Raises
    ------
    InputError
        When there are too few crops, or the checkpoint is of another network.
    """
    out.mkdir(parents=True, exist_ok=True)
    state = new_state(recipe, network, device)
    learner = state.learner.train()
    for branch in (learner.student, learner.teacher):
        choose_attention(branch.network, device, dtype)
    state.restore(out)
    training, held_out = split(crops, recipe.held_out)
    pixels, probabilities = torch.from_numpy(training.pixels), _probabilities(training, recipe)
    saved = time.monotonic()
    while state.step < recipe.schedule.steps:
        loss = _take_step(state, recipe, pixels[_draw_rows(state, recipe, probabilities)], dtype)
        if state.step % recipe.schedule.curve_every == 0 or state.step == recipe.schedule.steps:
            _add_point(state, knn_of_sets(learner.teacher.network, training, held_out, recipe, dtype=dtype))
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
    """Hold out the labelled cells of some images, chosen by a hash of the images' names.

    Parameters
    ----------
    crops : CropSet
    held_out : float
        Share of the images.

    Returns
    -------
    training, held_out : CropSet

    Raises
    ------
    InputError
        When nothing would be left to train on.
    """
    chosen = np.array([zlib.crc32(group.encode()) / 2**32 < held_out for group in crops.groups], dtype=bool)
    chosen &= crops.labels != ""
    if chosen.all():
        raise InputError(f"{len(crops)} crops are too few to learn from: add more")
    return crops[~chosen], crops[chosen]


def _probabilities(crops: CropSet, recipe: PretrainRecipe) -> np.ndarray:
    """Probability of each crop to be drawn, (N,): sources by their shares, cells of one source equally."""
    shares = {source.name: source.share for source in recipe.sources}
    names, codes, counts = np.unique(crops.sources, return_inverse=True, return_counts=True)
    weights = np.array([shares.get(name, 1.0) for name in names])[codes] / counts[codes]
    return weights / weights.sum()


def _draw_rows(state: TrainingState, recipe: PretrainRecipe, probabilities: np.ndarray) -> torch.Tensor:
    """Seed torch for a step and draw the rows of its crops, (B,) int64."""
    seed = int(np.random.SeedSequence([recipe.schedule.seed, state.step]).generate_state(1)[0])
    torch.manual_seed(seed)
    rows = np.random.default_rng(seed).choice(len(probabilities), recipe.schedule.batch, p=probabilities)
    return torch.from_numpy(rows)


def _take_step(state: TrainingState, recipe: PretrainRecipe, crops: torch.Tensor, dtype: str) -> float:
    """Update student and teacher on a batch of crops, (B, 4, T, T) uint8; returns the loss."""
    learner, device = state.learner, state.learner.textures.weight.device
    for group in state.optimiser.param_groups:
        group["lr"] = recipe.schedule.learning_rate_at(state.step)
    with torch.autocast(device.type, torch.bfloat16, enabled=dtype == "bfloat16"):
        losses = learner.losses(crops, _global_side(state.step, recipe))
    total = learner.total(losses)
    state.optimiser.zero_grad()
    total.backward()
    nn.utils.clip_grad_norm_(learner.student.parameters(), _MAX_GRADIENT_NORM)
    state.optimiser.step()
    learner.update_teacher(recipe.schedule.momentum_at(state.step))
    state.step += 1
    for name in LOSSES:
        state.sums[name] += float(losses[name].detach())
    state.sums["steps"] += 1
    return float(total.detach())


def _global_side(step: int, recipe: PretrainRecipe) -> int:
    """Side of the global views at a step: small first, at the end the encoder's own (Touvron et al. 2019)."""
    final = step >= (1 - recipe.views.final_share) * recipe.schedule.steps
    return recipe.network.image_size if final else recipe.views.global_px


def _add_point(state: TrainingState, accuracy: float) -> None:
    """Add a point to the curves: means of the losses since the point before, and the kNN accuracy."""
    losses = {name: round(state.sums[name] / state.sums["steps"], 5) for name in LOSSES}
    state.curves.append({"step": state.step, **losses, "knn": round(accuracy, 4)})
    state.sums.clear()
