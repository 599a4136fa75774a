"""How the vectors in the folder of an analysed image were made: what a head must read to call those cells again."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from cellapp.errors import ModelError
from cellapp.exports.embeddings import read_embeddings
from cellapp.exports.run_json import read_run
from cellapp.models.load import load_model
from cellapp.settings import VectorSettings
from cellapp.types.cells import Embeddings


def vectors_of_run(run: Mapping[str, Any]) -> VectorSettings | None:
    """Return how the vectors of an analysed image were made; None without vectors, or where nobody can say any more.

    Parameters
    ----------
    run : mapping
        The content of its run.json. Version 0.1.0 did not say it there; its head is asked, if it is still the same.
    """
    if run.get("vectors"):
        return VectorSettings.model_validate(run["vectors"])
    name = run["settings"].get("classify", {}).get("head")
    with suppress(ModelError):
        if run.get("head") and name and (head := load_model(name)).identity == run["head"]:
            return head.vectors
    return None


def folder_vectors(folder: Path) -> tuple[Embeddings, VectorSettings] | None:
    """Return the vectors of an analysed image, one row per accepted cell, and how they were made.

    Parameters
    ----------
    folder : Path
        ``out/<stem>``.

    Returns
    -------
    tuple or None
        None where the folder holds none, as after a run without a head, or where nobody can say how they were made.

    Raises
    ------
    InputError
        When a file is damaged.
    """
    path = folder / "embeddings.npz"
    settings = vectors_of_run(read_run(folder / "run.json")) if path.is_file() else None
    return None if settings is None else (read_embeddings(path, views=settings.reads.views), settings)
