"""Vectors of analysed images, drawn, not encoded."""

import numpy as np

from cellapp.settings import VectorSettings
from cellapp.training.labelled_cells import ImageVectors
from cellapp.types.cells import Embeddings

ENCODER = "tiny@1"


def drawn_images(n_images=6, per_image=12, *, dim=3, shift=2.0, seed=0, stem="field", encoder=ENCODER):
    """Images by turns of two kinds, whose vectors differ by `shift`, each with a shift of its own."""
    rng = np.random.default_rng(seed)
    images = []
    for k in range(n_images):
        vectors = rng.normal(size=(per_image, 2 * dim)) + 0.2 * rng.normal(size=2 * dim)
        vectors[:, 0] += shift * (k % 2)
        cls, mean = (part.astype(np.float32) for part in np.split(vectors, 2, axis=1))
        ids = np.arange(1, per_image + 1, dtype=np.int32)
        images.append(ImageVectors(f"{stem}_{k}", Embeddings(cls, mean, ids, encoder), VectorSettings(encoder="tiny")))
    return images


def kinds(images):
    """Value of a column by image: "MCF10A" and "MCF7" by turns."""
    return {image.name: ("MCF10A", "MCF7")[k % 2] for k, image in enumerate(images)}
