"""Loss, Dice and IoU of the foreground over the epochs of a training, kept in ``curves.json`` beside the weights."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from cellapp.files import atomic_write
from cellapp.models.training_curves import FILE
from cellapp.segmentation.flow_unet import N_INPUTS, REFERENCE_PX, FlowNetwork
from cellapp.training.segmenter.dataset import Example

MAX_EPOCHS = 50  # an epoch of few images takes several rounds through them, so that measuring stays cheap
MAX_HELD_OUT = 24  # images measured after each epoch


class Curves:
    """Sums of the epoch under way, and a row for each epoch that is over.

    An epoch is as many crops as there are training images, and at least a fiftieth of the training.

    Parameters
    ----------
    n_steps : int
        Of the training.
    batch : int
        Crops of a step.
    n_images : int
        Training images.
    held_out : sequence of Example
        Measured after each epoch; evenly chosen where they are more than `MAX_HELD_OUT`.
    """

    def __init__(self, n_steps: int, batch: int, n_images: int, held_out: Sequence[Example]) -> None:
        self.epoch_steps = max(math.ceil(n_images / batch), math.ceil(n_steps / MAX_EPOCHS))
        self._n_steps = n_steps
        n_measured = min(len(held_out), MAX_HELD_OUT)
        self._held_out = [held_out[at * len(held_out) // n_measured] for at in range(n_measured)]
        self._sums = np.zeros(5)  # steps, loss, pixels in both, predicted, true
        self.rows: list[dict[str, float]] = []

    def add(self, loss: float, maps: torch.Tensor, targets: torch.Tensor) -> None:
        """Count one step; maps and targets are those of `cellapp.training.segmenter.losses.flow_loss`."""
        valid = targets[:, 4] > 0
        found, true = (maps[:, 2] > 0) & valid, (targets[:, 2] > 0) & valid
        self._sums += [1, loss, *(int(part.sum()) for part in (found & true, found, true))]

    def close_epoch(self, step: int, network: FlowNetwork, out: Path) -> None:
        """End an epoch where one is over after this many steps, and write ``curves.json`` into `out`."""
        if step % self.epoch_steps and step != self._n_steps:
            return
        steps, loss, both, found, true = self._sums.tolist()
        dice, iou = _agreement(both, found, true)
        row = {"epoch": len(self.rows) + 1, "step": step, "loss": loss / max(steps, 1), "dice": dice, "iou": iou}
        if self._held_out:
            scores = np.mean([_score(network, example) for example in self._held_out], axis=0)
            row |= {"held_out_dice": float(scores[0]), "held_out_iou": float(scores[1])}
        self.rows.append({name: round(value, 4) for name, value in row.items()})
        self._sums[:] = 0
        content = {"epoch_steps": self.epoch_steps, "held_out_images": len(self._held_out), "epochs": self.rows}
        with atomic_write(out / FILE) as part:
            part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        return {"rows": self.rows, "sums": self._sums.tolist()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint; one of before there were curves has none."""
        self.rows, self._sums = list(state["rows"]), np.array(state["sums"], float)


@torch.inference_mode()
def _score(network: FlowNetwork, example: Example) -> tuple[float, float]:
    """Dice and IoU of the foreground of one image, its cells scaled to the size the network works best at."""
    network.eval()
    scale = REFERENCE_PX / example.diameter_px
    size = [max(1, round(side * scale)) for side in example.labels.shape]
    planes = _input_planes(example).to(network.device, network.dtype)
    logits = network.predict(F.interpolate(planes[None], size=size, mode="bilinear"))[:, 2:3]
    valid = example.weights > 0
    found = (F.interpolate(logits.float(), size=valid.shape, mode="bilinear")[0, 0].cpu().numpy() > 0) & valid
    true = (example.labels > 0) & valid
    return _agreement(np.count_nonzero(found & true), np.count_nonzero(found), np.count_nonzero(true))


def _input_planes(example: Example) -> torch.Tensor:
    """Whole cells bright on dark, and nuclei where the example has them, (2, Y, X) float32."""
    planes = np.zeros((N_INPUTS, *example.labels.shape), np.float32)
    if example.as_read:
        planes[: len(example.planes)] = example.planes
        return torch.from_numpy(planes)
    body = np.tensordot(example.mixing, example.planes.astype(np.float32), axes=1)
    planes[0] = 1 - body if example.inverted else body
    return torch.from_numpy(planes)


def _agreement(both: float, found: float, true: float) -> tuple[float, float]:
    """Dice and intersection over union of two masks by their numbers of pixels; 1 where both are empty."""
    either = found + true - both
    return (2 * both / (found + true), both / either) if either else (1.0, 1.0)
