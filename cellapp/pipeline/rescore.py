"""Classes of an analysed run by another head, from kept vectors: no image is opened, no encoder and no torch is loaded.

`rescore` makes a version of the classes; `cellapp.pipeline.active_classes` has the files of the run follow it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from cellapp.classification.cell_columns import add_predictions, class_columns
from cellapp.classification.ensemble import Head
from cellapp.classification.predict import predict
from cellapp.errors import InputError, ModelError
from cellapp.exports.class_versions import ClassVersion, ClassVersions, add_version, now_utc
from cellapp.exports.run_json import read_run, require_analysed
from cellapp.exports.run_vectors import folder_vectors
from cellapp.exports.tables import read_cells
from cellapp.models.bundle import weights_of
from cellapp.models.demonstration import demonstration_of_head
from cellapp.models.load import load_model
from cellapp.settings import ClassifySettings, VectorSettings
from cellapp.types.cells import Embeddings

VectorsOf = Callable[[Path, Head], Embeddings]
"""Returns the vectors of the image in a folder as a head reads them, or raises ModelError with the way out."""

_AGAIN = "analyse the images again with this head"


def load_head(name: str) -> Head:
    """Load a head. Raises ModelError when it cannot be had or is another kind of model."""
    return load_model(name, kind="head")


def stored_vectors(folder: Path, head: Head) -> Embeddings:
    """Return the vectors in an image's folder: the `VectorsOf` of a folder that `analyse` wrote."""
    found = folder_vectors(folder)
    return readable(head, *(found or (None, None)), name=folder.name, way_out=_AGAIN)


def readable(
    head: Head, embeddings: Embeddings | None, made: VectorSettings | None, *, name: str, way_out: str
) -> Embeddings:
    """Return vectors that a head reads.

    Parameters
    ----------
    head : LinearHead or EnsembleHead
    embeddings : Embeddings or None
        None where there are none.
    made : VectorSettings or None
        How they were made, None where nobody knows.
    name : str
        Of the image, for the error.
    way_out : str
        What to do, for the error.

    Raises
    ------
    ModelError
        When there are none, or they were made by another encoder, cut or preprocessing than the head reads.
    """
    wanted = head.vectors
    if embeddings is None or made is None:
        raise ModelError(f"{name!r} has no vectors that head {head.name!r} is known to read: {way_out}")
    if made != wanted:
        reads, has = (", ".join(f"{key} {value}" for key, value in part) for part in _differences(wanted, made))
        raise ModelError(f"head {head.name!r} reads vectors with {reads}; those of {name!r} have {has}: {way_out}")
    head.check(embeddings)
    return embeddings


def rescore(out: Path, settings: ClassifySettings, vectors_of: VectorsOf = stored_vectors) -> ClassVersions:
    """Call the cells of a run by another head and make that the active version of its classes.

    Every image is called before anything is written. The same head and settings again give the same version.

    Parameters
    ----------
    out : Path
        The run's folder; its files are left alone.
    settings : ClassifySettings
        Names the head, the threshold and the margin.
    vectors_of : callable, optional
        Where vectors come from.

    Raises
    ------
    InputError
        When the folder holds no analysed image, or its vectors are of other cells.
    ModelError
        When the head cannot be had, or reads other vectors than there are.
    """
    folders = require_analysed(out)
    head = load_head(str(settings.head))
    tables = {folder.name: _class_table(folder, head, vectors_of(folder, head), settings) for folder in folders}
    version = ClassVersion(head.identity, settings, _made_by(head, settings, folders[0]), now_utc())
    return add_version(out, version, tables)


def _class_table(folder: Path, head: Head, embeddings: Embeddings, settings: ClassifySettings) -> pd.DataFrame:
    """Return the columns of classes of one image."""
    cells = read_cells(folder / "cells.parquet")[["qc_pass"]]
    accepted = cells.index[cells["qc_pass"]]
    if not accepted.sort_values().equals(pd.Index(embeddings.cell_ids).sort_values().astype(accepted.dtype)):
        raise InputError(f"{folder.name!r} has vectors of other cells than its table; {_AGAIN}")
    called = add_predictions(cells, predict(head, embeddings, settings))
    return called[class_columns(called)]


def _made_by(head: Head, settings: ClassifySettings, folder: Path) -> dict[str, Any]:
    """Return what run.json says of a head, for all images of a run."""
    run = read_run(folder / "run.json")
    others = (f"{run['settings'].get('segment', {}).get('segmenter')}/", f"{head.vectors.encoder}/")
    kept = {name: digest for name, digest in run.get("weights_sha256", {}).items() if name.startswith(others)}
    return {
        "encoder": head.encoder,
        "head": head.identity,
        "demonstration": demonstration_of_head(head) or None,
        "calibrated": head.calibrated,
        "not_explained": None,
        "encoder_crop": head.crop.model_dump(mode="json"),
        "weights_sha256": kept | weights_of([str(settings.head)]),
    }


def _differences(wanted: VectorSettings, made: VectorSettings) -> list[list[tuple[str, Any]]]:
    """Return the settings in which two ways of making vectors differ, name and value, of each."""
    one, other = (_flat(settings.model_dump(mode="json")) for settings in (wanted, made))
    names = [name for name in one if one[name] != other[name]]
    return [[(name, values[name]) for name in names] for values in (one, other)]


def _flat(tree: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        flat |= _flat(value, f"{name}.") if isinstance(value, Mapping) else {f"{above}{name}": value}
    return flat
