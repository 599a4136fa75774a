"""Vectors of an image of which some cells were edited: of those they are new, of all others they stay."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

import numpy as np

from cellapp.errors import InputError
from cellapp.exports.embeddings import write_embeddings
from cellapp.exports.run_vectors import folder_vectors
from cellapp.jobs.make_vectors import keep_image_vectors
from cellapp.store import runs, vectors
from cellapp.store.records import RunImage, RunRecord
from cellapp.types.cells import Embeddings, join_embeddings


def follow_vectors(
    run: RunRecord,
    image: RunImage,
    made: Mapping[str, Embeddings],
    *,
    gone: frozenset[int],
    newer: frozenset[int],
) -> None:
    """Have the vectors in the folder and in the store be those of the cells that are there.

    Parameters
    ----------
    run, image
        An image of a run whose label image and table are edited already.
    made : mapping
        Key of `VectorSettings` -> vectors of edited cells; ways that it lacks are forgotten.
    gone : frozenset of int
        Ids of cells whose old vectors do not hold any more.
    newer : frozenset of int
        Ids of cells that were edited since: their new vectors do not hold either.
    """
    folder = runs.run_folder(run.id) / image.stem
    for way in vectors.ways_kept(run.id, image.image_id):
        old, new = vectors.image_vectors(run, image.image_id, way), made.get(way.key)
        vectors.forget_vectors(run.id, image.image_id, way)
        if old is not None and new is not None:
            with suppress(InputError):  # made by another version of the encoder: they are made again when asked for
                keep_image_vectors(run, image, way, _joined(old, new, gone, newer))
    found = folder_vectors(folder)
    if found is not None:
        new = made.get(found[1].key)
        kept = _without(found[0], gone)
        with suppress(InputError):
            kept = _joined(kept, new, gone, newer) if new is not None else kept
        write_embeddings(kept, folder / "embeddings.npz")


def _joined(old: Embeddings, new: Embeddings, gone: frozenset[int], newer: frozenset[int]) -> Embeddings:
    return join_embeddings([_without(old, gone), _without(new, newer)])


def _without(embeddings: Embeddings, cell_ids: frozenset[int]) -> Embeddings:
    """Return the vectors of all but some cells."""
    kept = ~np.isin(embeddings.cell_ids, list(cell_ids))
    rows = {name: values[kept] for name, values in vars(embeddings).items() if isinstance(values, np.ndarray)}
    return replace(embeddings, **rows)
