"""The curves of a segmenter's training as they lie beside its weights: loss, Dice and IoU of each epoch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

FILE = "curves.json"


@dataclass(frozen=True)
class Epoch:
    """One epoch; see `cellapp.training.segmenter.curves` for what it is."""

    number: int  # from 1
    step: int  # after which it ended
    loss: float
    dice: float  # of the foreground, over its crops
    iou: float
    held_out_dice: float | None = None  # mean over images that are not learnt from
    held_out_iou: float | None = None


@dataclass(frozen=True)
class TrainingCurves:
    """All epochs of a training so far."""

    epochs: tuple[Epoch, ...]
    n_held_out: int  # images measured after each epoch

    @property
    def sentence(self) -> str:
        """What the last epoch says."""
        last = self.epochs[-1]
        start = f"After {last.number} epochs, {last.step:,} steps: foreground"
        if last.held_out_dice is None:
            return f"{start} Dice {last.dice:.3f}, IoU {last.iou:.3f} on training crops; no image was held out"
        return (
            f"{start} Dice {last.held_out_dice:.3f}, IoU {last.held_out_iou:.3f} on {self.n_held_out} held-out images, "
            f"{last.dice:.3f} and {last.iou:.3f} on training crops"
        )


def read_curves(folder: Path) -> TrainingCurves | None:
    """Read the curves that a training keeps.

    Parameters
    ----------
    folder : Path
        Of a network.

    Returns
    -------
    TrainingCurves or None
        None where there are none, or no epoch has ended.
    """
    try:
        content = json.loads((folder / FILE).read_text(encoding="utf-8"))
        rows = [Epoch(number=row["epoch"], **_values(row)) for row in content["epochs"]]
        return TrainingCurves(tuple(rows), content["held_out_images"]) if rows else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _values(row: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in row.items() if name != "epoch"}
