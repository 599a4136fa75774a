"""Plainer methods on the same folds: what a head has to beat."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from cellapp.encoders.dino import HubEncoder, blank_network
from cellapp.encoders.hf_folder import CONFIG, PREPROCESSOR, read_json
from cellapp.settings import FeatureSettings
from cellapp.training.classifier.cross_validation import HeadSpec, LabelledVectors, hold_out
from cellapp.training.encode_dataset import N_PLAIN, N_STATISTICS
from cellapp.types.cells import Embeddings

EMBEDDING, SHAPE, BOTH = "embedding", "shape", "embedding and shape"
UNTRAINED = "untrained encoder"
FOREST, FOREST_WITH_MOMENTS = "forest on intensities", "forest on intensities, skewness and kurtosis"
_TREES = 500


def hold_out_baselines(
    data: LabelledVectors,
    spec: HeadSpec,
    fold_of: np.ndarray,
    embeddings: Mapping[str, Embeddings],
    statistics: np.ndarray | None,
    *,
    seed: int,
) -> dict[str, np.ndarray]:
    """Return the held-out probabilities, (N, K), of other methods on the folds of a head.

    Parameters
    ----------
    data : LabelledVectors
        The head's, for labels and groups.
    spec : Purpose
    fold_of : ndarray of shape (N,)
        Fold of each cell, those of the head.
    embeddings : mapping of str to Embeddings
        `EMBEDDING`, with measurements, and `UNTRAINED`.
    statistics : ndarray of shape (N, F), optional
        Intensity statistics for the forest; without them it is left out.
    seed : int
        The one the folds were dealt with.
    """
    trained, plain_purpose = embeddings[EMBEDDING], replace(spec, reads=FeatureSettings())
    plain = np.concatenate([trained.cls, trained.mean_patch], axis=1)
    inputs = {
        EMBEDDING: plain,
        SHAPE: trained.measured,
        BOTH: np.concatenate([plain, trained.measured], axis=1),
        UNTRAINED: embeddings[UNTRAINED].features,
    }
    said = {}
    for name, features in inputs.items():
        vectors = LabelledVectors(features, data.labels, data.groups)
        said[name] = hold_out(vectors, plain_purpose, fold_of, seed=seed).probabilities
    if statistics is not None:
        plain = statistics[:, : statistics.shape[1] * N_PLAIN // N_STATISTICS]
        said[FOREST] = _forest(plain, data.codes, fold_of, seed)
        said[FOREST_WITH_MOMENTS] = _forest(statistics, data.codes, fold_of, seed)
    return said


def _forest(statistics: np.ndarray, codes: np.ndarray, fold_of: np.ndarray, seed: int) -> np.ndarray:
    """Held-out probabilities of a random forest, (N, K), as it gives them."""
    said = np.zeros((len(codes), codes.max() + 1))
    for fold in np.unique(fold_of):
        here = fold_of == fold
        forest = RandomForestClassifier(_TREES, random_state=seed, n_jobs=-1).fit(statistics[~here], codes[~here])
        said[here] = forest.predict_proba(statistics[here])
    return said


def untrained_twin(encoder: HubEncoder, folder: Path, *, seed: int) -> HubEncoder:
    """Make an encoder of the same architecture, input and views with random weights.

    Parameters
    ----------
    encoder : HubEncoder
    folder : Path
        The one it was read from.
    seed : int
        Decides the weights.
    """
    import torch

    torch.manual_seed(seed)
    with tempfile.TemporaryDirectory() as place:
        twin = Path(place)
        blank_network(read_json(folder / CONFIG)).save_pretrained(twin)
        shutil.copy(folder / PREPROCESSOR, twin)
        made = HubEncoder(
            twin,
            name=f"untrained {encoder.name}",
            revision=f"seed {seed}",
            input_px=encoder.input_px,
            device=encoder.device,
            dtype=encoder.dtype,
        )
    return made.reading(FeatureSettings(views=encoder.reads.views))
