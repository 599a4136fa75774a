"""Plainer methods on the same folds: what a head has to beat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from cellapp.classification.train import LabelledVectors, Purpose, hold_out
from cellapp.heads.collect import N_PLAIN, N_STATISTICS
from cellapp.settings import FeatureSettings
from cellapp.types import Embeddings

EMBEDDING, SHAPE, BOTH = "embedding", "shape", "embedding and shape"
UNTRAINED = "untrained encoder"
FOREST, FOREST_WITH_MOMENTS = "forest on intensities", "forest on intensities, skewness and kurtosis"
_TREES = 500


def hold_out_rivals(
    data: LabelledVectors,
    purpose: Purpose,
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
    purpose : Purpose
    fold_of : ndarray of shape (N,)
        Fold of each cell, those of the head.
    embeddings : mapping of str to Embeddings
        `EMBEDDING`, with measurements, and `UNTRAINED`.
    statistics : ndarray of shape (N, F), optional
        Intensity statistics for the forest; without them it is left out.
    seed : int
        The one the folds were dealt with.
    """
    trained, plain_purpose = embeddings[EMBEDDING], replace(purpose, reads=FeatureSettings())
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
