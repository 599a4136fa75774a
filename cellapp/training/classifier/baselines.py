"""Plainer methods on the folds of a head: what the head has to beat."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import PredefinedSplit, cross_val_predict

from cellapp.cells.crop_features import MEASURED
from cellapp.encoders.dino import HubEncoder
from cellapp.settings import FeatureSettings
from cellapp.training.classifier.cross_validation import HeadSpec, LabelledVectors, hold_out
from cellapp.training.encode_dataset import N_PLAIN, N_STATISTICS, EncodedDataset

EMBEDDING, SHAPE, BOTH = "embedding", "shape", "embedding and shape"
CYTOSKELETON, WITH_CYTOSKELETON = "cytoskeleton", "embedding and cytoskeleton"
UNTRAINED = "untrained encoder"
FOREST, FOREST_WITH_MOMENTS = "forest on intensities", "forest on intensities, skewness and kurtosis"
_TREES = 500


def hold_out_baselines(
    dataset: EncodedDataset, data: LabelledVectors, spec: HeadSpec, fold_of: np.ndarray, *, seed: int
) -> dict[str, np.ndarray]:
    """Cross-validate other methods on the folds of a head.

    Parameters
    ----------
    dataset : EncodedDataset
        With the embeddings `EMBEDDING`, measurements included, and `UNTRAINED`. Without intensity statistics there are
        no forests.
    data : LabelledVectors
        Of the head, for labels and groups.
    spec : HeadSpec
        Of the head.
    fold_of : ndarray of shape (N,), int
        Of the head.
    seed : int
        The one the folds were drawn with.

    Returns
    -------
    dict
        Method -> held-out probabilities, ndarray of shape (N, K).
    """
    trained = dataset.embeddings[EMBEDDING]
    plain = np.concatenate([trained.cls, trained.mean_patch], axis=1)
    shape, cytoskeleton = np.split(trained.measured, [len(MEASURED)], axis=1)
    inputs = {
        EMBEDDING: plain,
        SHAPE: shape,
        BOTH: np.concatenate([plain, shape], axis=1),
        CYTOSKELETON: cytoskeleton,
        UNTRAINED: dataset.embeddings[UNTRAINED].features,
    }
    vectors = {name: LabelledVectors(features, data.labels, data.groups) for name, features in inputs.items()}
    probabilities = {name: hold_out(rows, spec, fold_of, seed=seed).probabilities for name, rows in vectors.items()}
    if dataset.statistics is not None:
        n_plain = dataset.statistics.shape[1] * N_PLAIN // N_STATISTICS
        for name, n in ((FOREST, n_plain), (FOREST_WITH_MOMENTS, None)):
            forest = RandomForestClassifier(_TREES, random_state=seed, n_jobs=-1)
            statistics, split = dataset.statistics[:, :n], PredefinedSplit(fold_of)
            probabilities[name] = cross_val_predict(forest, statistics, data.codes, cv=split, method="predict_proba")
    return probabilities


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
    with tempfile.TemporaryDirectory() as scratch:
        encoder.write_blank(folder, Path(scratch))
        twin = type(encoder)(
            Path(scratch),
            name=f"untrained {encoder.name}",
            revision=f"seed {seed}",
            input_px=encoder.input_px,
            device=encoder.device,
            dtype=encoder.dtype,
        )
    return twin.reading(FeatureSettings(views=encoder.reads.views))
