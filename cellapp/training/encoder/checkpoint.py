"""What a run of pretraining has come to, and the file it is kept in."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import torch

from cellapp.errors import InputError
from cellapp.files import atomic_write
from cellapp.training.encoder.recipe import PretrainRecipe
from cellapp.training.encoder.student_teacher import StudentTeacher

CHECKPOINT = "checkpoint.pt"
_BETAS = (0.9, 0.98)


@dataclass(eq=False)
class State:
    """What a checkpoint holds."""

    learner: StudentTeacher
    optimiser: torch.optim.AdamW
    step: int = 0
    curves: list[dict[str, float]] = field(default_factory=list)
    sums: dict[str, float] = field(default_factory=lambda: defaultdict(float))  # of losses since the last point

    def save(self, folder: Path) -> None:
        """Write ``checkpoint.pt``, whole or not at all."""
        kept = {"learner": self.learner.state_dict(), "optimiser": self.optimiser.state_dict()}
        with atomic_write(folder / CHECKPOINT) as part:
            torch.save(kept | {"step": self.step, "curves": self.curves, "sums": dict(self.sums)}, part)

    def restore(self, folder: Path) -> None:
        """Take up ``checkpoint.pt`` where there is one.

        Raises
        ------
        InputError
            When it is of a network of another shape.
        """
        path = folder / CHECKPOINT
        if not path.is_file():
            return
        kept = torch.load(path, map_location="cpu", weights_only=True)
        try:
            self.learner.load_state_dict(kept["learner"])
        except RuntimeError as error:
            raise InputError(f"{str(path)!r} is of another network than the recipe's; choose a new --out") from error
        self.optimiser.load_state_dict(kept["optimiser"])
        self.step, self.curves = kept["step"], kept["curves"]
        self.sums.update(kept["sums"])


def make_optimiser(learner: StudentTeacher, recipe: PretrainRecipe) -> torch.optim.AdamW:
    """AdamW with decay on matrices only, as usual for transformers."""
    weights = [p for p in learner.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in weights if p.ndim > 1], "weight_decay": recipe.schedule.weight_decay},
        {"params": [p for p in weights if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, recipe.schedule.learning_rate, betas=_BETAS)
