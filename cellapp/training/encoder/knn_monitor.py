"""How training goes: losses, and how well neighbours in feature space share a label."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import recall_score
from sklearn.neighbors import KNeighborsClassifier
from torch import nn
from torch.nn.functional import interpolate

from cellapp.files import atomic_write
from cellapp.training.encoder.crop_dataset import CropSet
from cellapp.training.encoder.recipe import PretrainRecipe
from cellapp.training.encoder.student_teacher import standardise

_BANK, _ASKED = 1200, 400  # cells of a kNN point
_CHUNK = 256
_NEIGHBOURS = 10
_TEMPERATURE = 0.07


def knn_accuracy(bank: np.ndarray, bank_labels: np.ndarray, asked: np.ndarray, asked_labels: np.ndarray) -> float:
    """Balanced accuracy of a vote of the nearest neighbours by cosine, weighted as in Wu et al. 2018 and DINO.

    Parameters
    ----------
    bank, asked : ndarray of shape (N, D) and (M, D), float32
    bank_labels, asked_labels : ndarray of shape (N,) and (M,), str

    Returns
    -------
    float
        Mean over the classes asked for of the share called rightly; NaN when nothing is asked or known.
    """
    if not len(bank) or not len(asked):
        return float("nan")
    classifier = KNeighborsClassifier(
        min(_NEIGHBOURS, len(bank)),
        metric="cosine",
        weights=lambda distances: np.exp((1 - distances) / _TEMPERATURE),
    )
    calls = classifier.fit(bank, bank_labels).predict(asked)
    return float(recall_score(asked_labels, calls, average="macro", labels=np.unique(asked_labels)))


def knn_of_sets(
    network: nn.Module, known: CropSet, asked: CropSet, recipe: PretrainRecipe, *, dtype: str = "float32"
) -> float:
    """Balanced kNN accuracy of a network on cells of images it has not learnt from; see `knn_accuracy`.

    Parameters
    ----------
    network : Module
    known : CropSet
        Cells with labels vote; the same 1,200 at most at every call.
    asked : CropSet
        400 at most.
    recipe : PretrainRecipe
    dtype : str
    """
    rng = np.random.default_rng(0)
    known = known[rng.permutation(np.flatnonzero(known.labels != ""))[:_BANK]]
    asked = asked[rng.permutation(len(asked))[:_ASKED]]
    bank, questions = (encode(network, cells, recipe, dtype=dtype) for cells in (known, asked))
    return knn_accuracy(bank, known.labels, questions, asked.labels)


@torch.no_grad()
def encode(network: nn.Module, crops: CropSet, recipe: PretrainRecipe, *, dtype: str = "float32") -> np.ndarray:
    """Encode crops as a head reads them, all but the cell black.

    Returns
    -------
    ndarray of shape (N, 2 D), float32
        [class token, mean patch token].
    """
    network.eval()
    device, side, n_prefix = next(network.parameters()).device, recipe.network.image_size, recipe.network.n_prefix
    parts = [np.zeros((0, 2 * recipe.network.hidden_size), np.float32)]
    for start in range(0, len(crops), _CHUNK):
        pixels = torch.from_numpy(crops.pixels[start : start + _CHUNK]).to(device).float() / 255
        cells = interpolate(pixels[:, :3] * (pixels[:, 3:] > 0.5), size=(side, side), mode="area")
        with torch.autocast(device.type, torch.bfloat16, enabled=dtype == "bfloat16"):
            tokens = network(standardise(cells, recipe)).last_hidden_state.float()
        parts.append(torch.cat([tokens[:, 0], tokens[:, n_prefix:].mean(dim=1)], dim=1).cpu().numpy())
    return np.concatenate(parts)


def write_curves(rows: Sequence[Mapping[str, float]], path: Path) -> None:
    """Write the points of the curves as CSV, one row each, whole or not at all."""
    with atomic_write(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]) if rows else ["step"])
        writer.writeheader()
        writer.writerows(rows)
