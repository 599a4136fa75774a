"""Monitor of a pretraining: losses, and how well nearest neighbours in feature space share a label."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import recall_score
from sklearn.neighbors import KNeighborsClassifier
from torch import nn

from cellapp.files import atomic_write
from cellapp.training.encoder.crop_dataset import CropSet
from cellapp.training.encoder.recipe import PretrainRecipe
from cellapp.training.encoder.student_teacher import masked_cells, standardise

_MAX_BANK, _MAX_QUERIES = 1200, 400  # cells
_BATCH = 256
_NEIGHBOURS = 10
_TEMPERATURE = 0.07


def knn_accuracy(bank: np.ndarray, bank_labels: np.ndarray, queries: np.ndarray, query_labels: np.ndarray) -> float:
    """Return the balanced accuracy of a vote of nearest neighbours by cosine, weighted as in Wu et al. 2018 and DINO.

    Parameters
    ----------
    bank, queries : ndarray of shape (N, D) and (M, D), float32
    bank_labels, query_labels : ndarray of shape (N,) and (M,), str

    Returns
    -------
    float
        Mean over the classes of the queries of the share classified correctly; NaN without bank or queries.
    """
    if not len(bank) or not len(queries):
        return float("nan")
    classifier = KNeighborsClassifier(
        min(_NEIGHBOURS, len(bank)),
        metric="cosine",
        weights=lambda distances: np.exp((1 - distances) / _TEMPERATURE),
    )
    calls = classifier.fit(bank, bank_labels).predict(queries)
    return float(recall_score(query_labels, calls, average="macro", labels=np.unique(query_labels)))


def knn_of_sets(
    network: nn.Module, training: CropSet, held_out: CropSet, recipe: PretrainRecipe, *, dtype: str = "float32"
) -> float:
    """Return the kNN accuracy of a network on cells of held-out images; see `knn_accuracy`.

    Parameters
    ----------
    network : Module
    training : CropSet
        The bank: cells with labels, the same 1,200 at most at every call.
    held_out : CropSet
        The queries, 400 at most.
    recipe : PretrainRecipe
    dtype : str
        See `encode`.
    """
    rng = np.random.default_rng(0)
    training = training[rng.permutation(np.flatnonzero(training.labels != ""))[:_MAX_BANK]]
    held_out = held_out[rng.permutation(len(held_out))[:_MAX_QUERIES]]
    bank, queries = (encode(network, cells, recipe, dtype=dtype) for cells in (training, held_out))
    return knn_accuracy(bank, training.labels, queries, held_out.labels)


@torch.no_grad()
def encode(network: nn.Module, crops: CropSet, recipe: PretrainRecipe, *, dtype: str = "float32") -> np.ndarray:
    """Encode crops as a head reads them, everything but the cell black.

    Parameters
    ----------
    network : Module
    crops : CropSet
    recipe : PretrainRecipe
    dtype : str
        "bfloat16" computes under autocast.

    Returns
    -------
    ndarray of shape (N, 2 D), float32
        [class token, mean patch token].
    """
    network.eval()
    device, n_prefix = next(network.parameters()).device, recipe.network.n_prefix
    parts = [np.zeros((0, 2 * recipe.network.hidden_size), np.float32)]
    for start in range(0, len(crops), _BATCH):
        cells = masked_cells(torch.from_numpy(crops.pixels[start : start + _BATCH]).to(device), recipe)
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
