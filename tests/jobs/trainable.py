"""A run whose images have drawn vectors in their folders, and conditions typed into the image table."""

import json

import numpy as np

from cellapp.exports.embeddings import write_embeddings
from cellapp.exports.tables import read_cells
from cellapp.settings import VectorSettings
from cellapp.store import images, runs
from cellapp.types.cells import Embeddings
from tests.pages.seeding import seed_image, seed_run

LINES = ("MCF10A", "MCF7")
CLASSES = {"MCF10A": "normal", "MCF7": "cancer"}


def trainable_run(folder, n_images=4, *, side=224):
    """Images of two lines by turns, two of each batch."""
    seeded = [seed_image(folder, name=f"well {k}.tif", seed=k + 1, side=side) for k in range(n_images)]
    for k, one in enumerate(seeded):
        images.set_conditions(one.image.id, {"cell_line": LINES[k % 2], "batch": f"day {k // 2}"})
    run = seed_run(seeded, head=None)
    rng = np.random.default_rng(0)
    for k, row in enumerate(run.images):
        _write_vectors(runs.run_folder(run.id) / row.stem, rng, k % 2)
    return run


def _write_vectors(folder, rng, line):
    ids = read_cells(folder / "cells.parquet").query("qc_pass").index.to_numpy(np.int32)
    vectors = rng.normal(size=(len(ids), 4)).astype(np.float32)
    vectors[:, 0] += 3 * line
    settings = VectorSettings()
    write_embeddings(Embeddings(vectors, -vectors, ids, f"{settings.encoder}@1"), folder / "embeddings.npz")
    tree = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(tree | {"vectors": settings.model_dump(mode="json")}))
