"""Heads and vectors for tests."""

import numpy as np

from cellapp.classification.head import LinearHead
from cellapp.classification.novelty import fit_novelty
from cellapp.settings import CropMode, CropSettings, FeatureSettings, PreprocessSettings
from cellapp.training.classifier.cross_validation import HeadSpec, LabelledVectors
from cellapp.types.cells import Embeddings

ENCODER = "tiny@1"
PURPOSE = HeadSpec("toy", ENCODER, "Toy vectors; not for diagnosis.")


def random_head(
    dim=4, classes=("cancer", "normal"), *, seed=0, encoder=ENCODER, positive=None, n_measured=0, **changes
):
    rng = np.random.default_rng(seed)
    n_features = 2 * dim + n_measured
    training = rng.normal(size=(40, n_features))
    values = {
        "name": "toy",
        "weight": rng.normal(size=(len(classes), n_features)).astype(np.float32),
        "bias": rng.normal(size=len(classes)).astype(np.float32),
        "mean": rng.normal(size=n_features).astype(np.float32),
        "std": rng.uniform(0.5, 2, n_features).astype(np.float32),
        "classes": tuple(classes),
        "encoder": encoder,
        "positive": positive or classes[0],
        "crop": CropSettings(),
        "preprocess": PreprocessSettings(),
        "trained_on": "Toy vectors.",
        "novelty": fit_novelty(training, np.arange(40) % len(classes), len(classes)),
        "temperature": 1.7,
    }
    return LinearHead(**(values | changes))


def grid_head(encoder, **changes):
    """A random head that reads windows of 128 px of a slide."""
    crop = CropSettings(mode=CropMode.WINDOW, size_px=128)
    values = {"encoder": encoder.identity, "crop": crop, "reads": FeatureSettings(source="grid"), "name": "fast"}
    return random_head(encoder.dim, **(values | changes))


def random_embeddings(n=5, dim=4, *, seed=1, encoder=ENCODER, grid=None):
    rng = np.random.default_rng(seed)
    patches = rng.normal(size=(n, grid[0] * grid[1], dim)).astype(np.float32) if grid else None
    mean = patches.mean(axis=1) if grid else rng.normal(size=(n, dim)).astype(np.float32)
    cls = rng.normal(size=(n, dim)).astype(np.float32)
    return Embeddings(cls, mean, np.arange(10, 10 + n, dtype=np.int32), encoder, patches, grid or (0, 0))


def toy_cells(n_groups=6, per_group=40, *, shift=2.0, n_features=8, seed=0, classes=("cancer", "normal")):
    """Vectors of classes that differ by `shift` standard deviations along one direction, plus a shift per group."""
    rng = np.random.default_rng(seed)
    n = n_groups * per_group
    codes = rng.integers(0, len(classes), n)
    groups = np.repeat(np.arange(n_groups), per_group)
    features = rng.normal(size=(n, n_features)) + 0.3 * rng.normal(size=(n_groups, n_features))[groups]
    features[:, 0] += shift * codes
    return LabelledVectors(features, [classes[c] for c in codes], [f"slide {g}" for g in groups])
