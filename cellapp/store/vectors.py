"""Vectors of the cells of runs, made once and kept by what they depend on; files of runs that agree in it are shared.

A file holds one row per accepted cell of one image. It goes with the next `cellapp.store.purge.purge_vectors` after the
last run that needs it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import select

from cellapp.config import app_settings
from cellapp.errors import StoreError
from cellapp.exports.run_vectors import folder_vectors
from cellapp.files import atomic_write
from cellapp.settings import VectorSettings
from cellapp.store.blobs import make_folder
from cellapp.store.database import reading, writing
from cellapp.store.projects import project_vectors
from cellapp.store.records import RunRecord, Status
from cellapp.store.runs import get_run, run_folder
from cellapp.store.schema import RunImageRow, VectorFile
from cellapp.types.cells import Embeddings, join_embeddings


@dataclass(frozen=True, eq=False)
class RunVectors:
    """Vectors of all accepted cells of a run, in the order of its images and cells."""

    image_ids: tuple[str, ...]  # one per row
    cell_ids: np.ndarray  # (N,) int32
    embeddings: Embeddings  # N rows
    settings: VectorSettings


def vectors_path(key: str) -> Path:
    """Return the path of the file of a key, whether it is there or not."""
    return app_settings().home / "vectors" / key[:2] / f"{key}.npz"


def vectors_key(parts: Mapping[str, Any]) -> str:
    """Return the name of the file of vectors that depend on `parts`, plain JSON values: 64 hexadecimal digits."""
    return hashlib.sha256(json.dumps(dict(parts), sort_keys=True).encode()).hexdigest()


def keep_vectors(
    run_id: str, image_id: str, settings: VectorSettings, *, encoder: str, key: str, embeddings: Embeddings | None
) -> None:
    """Write down which file holds the vectors of an image of a run, and the file where it is not there yet.

    Parameters
    ----------
    run_id, image_id : str
    settings : VectorSettings
        How they were made; vectors of this image made so before are replaced.
    encoder : str
        Name and revision.
    key : str
        From `vectors_key`.
    embeddings : Embeddings or None
        None where the file is there.

    Raises
    ------
    StoreError
        The run has no such image.
    """
    path = vectors_path(key)
    if embeddings is not None and not path.exists():
        make_folder(path.parent)
        with atomic_write(path) as part, part.open("wb") as file:
            np.savez(file, **_arrays(embeddings))
    elif path.exists():
        path.touch()  # it counts as new again, so that no purge takes it before its row is there
    with writing() as session:
        if session.get(RunImageRow, (run_id, image_id)) is None:
            raise StoreError(f"run {run_id!r} has no image {image_id!r}")
        session.merge(
            VectorFile(
                run_id=run_id,
                image_id=image_id,
                settings_key=settings.key,
                settings=settings.model_dump(mode="json"),
                encoder=encoder,
                key=key,
            )
        )


def kept_vectors(run_id: str, settings: VectorSettings) -> dict[str, str]:
    """Return the images of a run whose vectors made so are kept: image id -> name and revision of the encoder."""
    query = select(VectorFile.image_id, VectorFile.encoder, VectorFile.key)
    query = query.where(VectorFile.run_id == run_id, VectorFile.settings_key == settings.key)
    with reading() as session:
        return {image: encoder for image, encoder, key in session.execute(query) if vectors_path(key).exists()}


def ways_kept(run_id: str, image_id: str) -> list[VectorSettings]:
    """Return in which ways vectors of an image of a run are kept."""
    query = select(VectorFile.settings).where(VectorFile.run_id == run_id, VectorFile.image_id == image_id)
    with reading() as session:
        return [VectorSettings.model_validate(settings) for settings in session.scalars(query)]


def forget_vectors(run_id: str, image_id: str, settings: VectorSettings) -> None:
    """Forget the vectors of an image of a run that were made so: its cells are others now."""
    with writing() as session:
        if row := session.get(VectorFile, (run_id, image_id, settings.key)):
            session.delete(row)


def image_vectors(run: RunRecord, image_id: str, settings: VectorSettings) -> Embeddings | None:
    """Return the vectors of one image of a run, from the store or from its folder; None where there are none so made.

    Raises
    ------
    InputError
        When a file of its folder is damaged.
    """
    with reading() as session:
        row = session.get(VectorFile, (run.id, image_id, settings.key))
        path = vectors_path(row.key) if row else None
    if path is not None and path.exists():
        with np.load(path, allow_pickle=False) as arrays:
            values = {name: arrays[name] for name in arrays.files}
        return Embeddings(**values | {"encoder": str(values["encoder"]), "views": int(values["views"])})
    image = run.image(image_id)
    found = folder_vectors(run_folder(run.id) / image.stem) if image and image.status is Status.DONE else None
    return found[0] if found and found[1] == settings else None


def load_vectors(run_id: str, settings: VectorSettings | None = None) -> RunVectors:
    """Return the vectors of all finished images of a run.

    Parameters
    ----------
    run_id : str
    settings : VectorSettings, optional
        How they must be made; as the project says when left out.

    Raises
    ------
    StoreError
        When no image is done, or one has no such vectors.
    """
    run = get_run(run_id)
    settings = settings or project_vectors(run.project_id)
    done = [image for image in run.images if image.status is Status.DONE]
    parts = {image.image_id: image_vectors(run, image.image_id, settings) for image in done}
    missing = [image.name for image in done if parts[image.image_id] is None]
    if missing or not parts:
        what = f"{len(missing)} of {len(done)} images, {missing[0]!r} first" if missing else "it, no image is done"
        raise StoreError(f"{run.name!r} has no vectors by {settings.encoder} of {what}: make vectors of this run first")
    joined = join_embeddings([part for part in parts.values() if part is not None])
    image_ids = [image_id for image_id, part in parts.items() for _ in range(len(part.cell_ids))]
    return RunVectors(tuple(image_ids), joined.cell_ids, joined, settings)


def _arrays(embeddings: Embeddings) -> dict[str, np.ndarray]:
    names = ("cls", "mean_patch", "cell_ids", "encoder", "measured", "views", "spread_patch")
    values = {name: getattr(embeddings, name) for name in names}
    return {name: np.asarray(value) for name, value in values.items() if value is not None}
