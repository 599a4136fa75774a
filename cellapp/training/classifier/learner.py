"""An encoder and a linear layer that are trained together: which weights learn, and one step of learning."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from cellapp.classification.head import LinearHead
from cellapp.encoders.dino import HubEncoder
from cellapp.training.classifier.augment import augment
from cellapp.training.classifier.recipe import FineTuning
from cellapp.training.classifier.schedule import rate_factor


class Learner:
    """The last blocks of an encoder under a linear layer that begins as a fitted head.

    Starting from a head that fits the frozen encoder, the first steps do not spoil what the encoder knows (Kumar et al.
    2022, arXiv:2202.10054).

    Parameters
    ----------
    encoder : HubEncoder
        Its last blocks are trained in place; all else stays as it is.
    head : LinearHead
        Fitted to the encoder's vectors; gives the first weights, and the scaling of the vectors, which stays.
    recipe : FineTuning
    class_weights : ndarray of shape (K,)
        Weight of a cell of each class in the loss.
    """

    def __init__(self, encoder: HubEncoder, head: LinearHead, recipe: FineTuning, class_weights: np.ndarray) -> None:
        self.encoder, self.recipe = encoder, recipe
        self.weights = torch.as_tensor(class_weights, dtype=torch.float32, device=encoder.device)
        self.mean, self.std = (torch.as_tensor(part, device=encoder.device) for part in (head.mean, head.std))
        linear = nn.Linear(head.weight.shape[1], head.weight.shape[0], device=encoder.device)
        with torch.no_grad():
            linear.weight.copy_(torch.as_tensor(head.weight))
            linear.bias.copy_(torch.as_tensor(head.bias))
        tail = nn.ModuleList(encoder.tail(recipe.blocks)).requires_grad_(True)
        self.learning = nn.ModuleDict({"encoder": tail, "head": linear})
        self.optimiser = torch.optim.AdamW(_groups(tail, linear, recipe))
        self._peaks = [group["lr"] for group in self.optimiser.param_groups]

    def scores(self, planes: torch.Tensor) -> torch.Tensor:
        """Return class scores, (B, K), of encoder input, (B, 3, S, S)."""
        tokens = self.encoder.tokens(planes.to(self.encoder.device))
        features = torch.cat([tokens[:, 0], tokens[:, self.encoder.n_prefix :].mean(dim=1)], dim=1)
        return self.learning["head"]((features - self.mean) / self.std)

    def step(self, planes: torch.Tensor, codes: torch.Tensor, at: int, *, per_epoch: int) -> float:
        """Learn from a batch of crops, changed at random, and return the loss.

        Parameters
        ----------
        planes : Tensor of shape (B, 3, S, S), float32
        codes : Tensor of shape (B,), int64
        at : int
            Number of the step, from 0, which decides the learning rates.
        per_epoch : int
            Steps of one epoch.
        """
        self._set_rates(at, per_epoch)
        self.learning.train()
        scores = self.scores(augment(planes, self.recipe.augmentation))
        smoothing = self.recipe.label_smoothing
        loss = cross_entropy(scores, codes.to(scores.device), self.weights, label_smoothing=smoothing)
        self.optimiser.zero_grad()
        loss.backward()
        if self.recipe.clip:
            nn.utils.clip_grad_norm_(self.learning.parameters(), self.recipe.clip)
        self.optimiser.step()
        self.learning.eval()
        return float(loss.detach())

    def _set_rates(self, at: int, per_epoch: int) -> None:
        recipe = self.recipe
        warm_up, steps = round(recipe.warm_up * per_epoch), recipe.epochs * per_epoch
        factor = rate_factor(at, steps=steps, warm_up=warm_up, floor=recipe.floor)
        for group, peak in zip(self.optimiser.param_groups, self._peaks, strict=True):
            group["lr"] = peak * factor

    @property
    def rates(self) -> tuple[float, ...]:
        """Learning rates of the last step, each once, rising: of the blocks that learn and of the head."""
        return tuple(sorted({group["lr"] for group in self.optimiser.param_groups}))

    def state(self) -> dict[str, Any]:
        """Return copies of all that learning changes."""
        return {name: tensor.detach().cpu().clone() for name, tensor in self.learning.state_dict().items()}


def _groups(tail: nn.ModuleList, linear: nn.Module, recipe: FineTuning) -> list[dict[str, Any]]:
    """Return rates, lower in earlier blocks, of encoder and head; only the encoder's matrices decay, as usual."""
    groups = []
    for distance, part in enumerate(reversed(tail)):  # the norm first, which learns as the last block does
        parts, rate = list(part.parameters()), recipe.encoder_rate * recipe.layer_decay ** max(distance - 1, 0)
        groups.append({"params": [p for p in parts if p.ndim > 1], "lr": rate, "weight_decay": recipe.weight_decay})
        groups.append({"params": [p for p in parts if p.ndim <= 1], "lr": rate, "weight_decay": 0.0})
    groups.append({"params": list(linear.parameters()), "lr": recipe.head_rate, "weight_decay": 0.0})
    return [group for group in groups if group["params"]]


def class_weights(codes: np.ndarray, n_classes: int, balanced: bool) -> np.ndarray:
    """Return the weight of a cell of each class, (K,), 1 on average over cells.

    Parameters
    ----------
    codes : ndarray of shape (N,), int
        Class of each training cell.
    n_classes : int
    balanced : bool
        Whether it is one over the number of its class; else all count alike.
    """
    even = len(codes) / (n_classes * np.bincount(codes, minlength=n_classes))
    return even if balanced else np.ones(n_classes)
