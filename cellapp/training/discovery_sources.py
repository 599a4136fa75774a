"""What groups of cells are looked for in: a file of vectors, a folder of pictures, or a folder that `analyse` wrote."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from cellapp.discovery.discover import DiscoverSettings, Discovery, discover
from cellapp.discovery.measurements import measured_features
from cellapp.encoders.crop_folder import embed_folder, left_out, list_crops
from cellapp.errors import InputError
from cellapp.exports.embeddings import NO_ARRAYS
from cellapp.exports.run_vectors import folder_vectors
from cellapp.exports.tables import read_cells
from cellapp.files import safe_stem
from cellapp.models.load import load_model
from cellapp.settings import PreprocessSettings
from cellapp.text_table import read_table
from cellapp.training.encoder.crop_dataset import CropSet
from cellapp.types.image import OnStep

NOT_COLUMNS = ("file", "image", "cell_id")


@dataclass(frozen=True, eq=False)
class DiscoverySource:
    """N cells as vectors, with what is known of them beside."""

    features: np.ndarray  # (N, F)
    cells: pd.DataFrame  # N rows: file, or image and cell_id
    images: tuple[str, ...]  # N
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)  # by name, N values each
    made_by: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()  # a sentence for each picture that cannot be read


def discover_source(
    source: DiscoverySource, settings: DiscoverSettings, on_step: OnStep, *, measured: bool = False
) -> Discovery:
    """Look for groups among the cells of a source; measurements, which have units, are given the same weight first."""
    settings = settings.model_copy(update={"standardise": settings.standardise or measured})
    return discover(source.features, settings, columns=source.columns, images=source.images, on_step=on_step)


def read_source(
    path: Path,
    *,
    encoder: str,
    table: Path | None = None,
    group_column: str | None = None,
    measured: bool = False,
) -> DiscoverySource:
    """Read or make the vectors of cells.

    Parameters
    ----------
    path : Path
        ``.npz`` as `embed` writes it (``features``, or ``cls`` and ``mean_patch``; ``file`` or ``cell_ids``), the
        folder that `analyse` wrote, or a folder of pictures of one cell each, whose folder names are its classes.
    encoder : str
        For pictures: name in `models list`, or an encoder's folder.
    table : Path, optional
        CSV with a column ``file`` or ``image``, as the cells have it, and columns about them. Images that `analyse`
        has done are found by their folder or file.
    group_column : str, optional
        Column that says which cells share an image, slide or batch; their images, or ``group``, when left out.
    measured : bool
        Of a folder that `analyse` wrote: take the measurements of its cells in place of their vectors.

    Raises
    ------
    InputError
        When the source holds no vectors or pictures, or the table names none of its cells.
    """
    analysed = path.is_dir() and any(path.glob("*/cells.parquet"))
    if measured and not analysed:
        raise InputError(
            f"measurements are in folders that `analyse` wrote, and {str(path)!r} is none; take its vectors"
        )
    if path.is_file():
        source = of_vectors(path)
    elif analysed:
        source = of_measurements(path) if measured else of_run_folder(path)
    else:
        source = of_pictures(path, encoder)
    return _with_tables(source, path, table, group_column)


def of_vectors(path: Path) -> DiscoverySource:
    """Read a file of vectors, see `read_source`."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except NO_ARRAYS as why:
        raise InputError(f"{str(path)!r} is no file of vectors; give one that `python -m cellapp embed` wrote") from why
    halves = [arrays[name] for name in ("cls", "mean_patch") if name in arrays]
    features = arrays.get("features", np.concatenate(halves, axis=1) if len(halves) == 2 else None)
    if features is None or features.ndim != 2 or not features.shape[1] or features.dtype.kind not in "fiu":
        raise InputError(f"{str(path)!r} holds no array 'features' of cells by numbers; write it with `embed`")
    name = "file" if "file" in arrays else "cell_id"
    keys = arrays.get("file", arrays.get("cell_ids", np.arange(len(features))))
    if len(keys) != len(features):
        raise InputError(
            f"{str(path)!r} holds {len(features)} vectors and {len(keys)} names; write it anew with `embed`"
        )
    images = tuple(keys.astype(str).tolist()) if name == "file" else ("",) * len(keys)
    made_by = {"encoder": str(arrays["encoder"])} if "encoder" in arrays else {}
    return DiscoverySource(features, pd.DataFrame({name: keys}), images, made_by=made_by)


def of_pictures(folder: Path, encoder: str) -> DiscoverySource:
    """Encode the pictures below a folder; the name of the folder they lie in is their class."""
    paths, unreadable = list_crops(folder), {}
    embeddings = embed_folder(paths, load_model(encoder, kind="encoder"), PreprocessSettings(), unreadable)
    relative = [paths[row].relative_to(folder) for row in embeddings.cell_ids]
    files = [path.as_posix() for path in relative]
    classes = [path.parts[0] if len(path.parts) > 1 else "" for path in relative]
    columns = {"class": classes} if any(classes) else {}
    source = DiscoverySource(embeddings.features, pd.DataFrame({"file": files}), tuple(files), columns)
    source = replace(source, made_by={"encoder": embeddings.encoder}, left_out=tuple(left_out(unreadable, folder)))
    return source


def of_crop_set(
    pictures: CropSet,
    folder: Path,
    unreadable: Mapping[Path, str],
    table: Path | None = None,
    group_column: str | None = None,
) -> DiscoverySource:
    """Return the names and columns of pictures that were read, without vectors, (N, 0).

    Parameters
    ----------
    pictures : CropSet
        N of them.
    folder : Path
        That they were read from.
    unreadable : mapping of Path to str
        Pictures left out -> why.
    table, group_column : optional
        As of `read_source`.
    """
    files = pictures.groups.tolist()
    columns = {"class": pictures.labels.tolist()} if (pictures.labels != "").any() else {}
    nothing = np.zeros((len(files), 0), np.float32)
    source = DiscoverySource(nothing, pd.DataFrame({"file": files}), tuple(files), columns)
    source = replace(source, left_out=tuple(left_out(unreadable, folder)))
    return _with_tables(source, folder, table, group_column)


def of_run_folder(folder: Path) -> DiscoverySource:
    """Read the vectors that `analyse` left, of cells that the quality rules accept."""
    parts, cells = [], []
    for image in sorted(path.parent for path in folder.glob("*/cells.parquet")):
        found = folder_vectors(image)
        if found is None:
            raise InputError(f"{image.name!r} has no vectors: analyse it again with a head, or embed its crops")
        kept = read_cells(image / "cells.parquet").reindex(found[0].cell_ids)
        cells.append(pd.DataFrame({"image": image.name, "cell_id": found[0].cell_ids, "label": kept.get("label", "")}))
        parts.append(found[0])
    widths = {part.features.shape[1] for part in parts}
    if len(widths) > 1:
        raise InputError("these images were encoded in different ways; analyse them in one run")
    table = pd.concat(cells, ignore_index=True)
    labels = table.pop("label").fillna("").astype(str).tolist()
    features = np.concatenate([part.features for part in parts])
    columns = {"label": labels} if any(labels) else {}
    return DiscoverySource(features, table, tuple(table["image"]), columns, {"encoder": parts[0].encoder})


def of_measurements(folder: Path) -> DiscoverySource:
    """Read size, shape and stain of the cells that the quality rules accept, see `measured_features`."""
    tables = {path.parent.name: read_cells(path) for path in sorted(folder.glob("*/cells.parquet"))}
    cells = pd.concat([table.query("qc_pass").reset_index().assign(image=name) for name, table in tables.items()])
    features, names = measured_features(cells)
    labels = cells["label"].fillna("").astype(str).tolist() if "label" in cells else []
    keys = cells[["image", "cell_id"]].reset_index(drop=True)
    return DiscoverySource(
        features, keys, tuple(keys["image"]), {"label": labels} if any(labels) else {}, {"measured": ", ".join(names)}
    )


def with_columns(source: DiscoverySource, path: Path) -> DiscoverySource:
    """Add the columns of a table to the cells.

    Raises
    ------
    InputError
        When it has no column the cells can be found by, or names none of them.
    """
    keys = [name for name in NOT_COLUMNS if name in source.cells]
    table = read_table(path, [], NOT_COLUMNS)
    if "image" in keys:
        table = _by_folder(table, set(source.cells["image"]))
    key = next((name for name in keys if name in table), None)
    if key is None:
        raise InputError(f"{str(path)!r} needs a column {' or '.join(keys)} to find the cells by; it has none")
    table = table.drop_duplicates(key).set_index(key).reindex(source.cells[key].astype(str)).fillna("")
    if not (table != "").any(axis=None):
        raise InputError(f"{str(path)!r} says nothing about these cells: no {key} in it is one of theirs")
    columns = {name: table[name].tolist() for name in table if name not in NOT_COLUMNS}
    return replace(source, columns={**source.columns, **columns})


def _by_folder(table: pd.DataFrame, folders: Collection[str]) -> pd.DataFrame:
    """Name the images of a table, which may be its files, by their folders in what `analyse` wrote."""
    key = next((name for name in ("image", "file") if name in table), None)
    if key is None:
        return table
    stems = table[key].map(lambda name: safe_stem(name.replace("\\", "/").rpartition("/")[2]))
    return table.assign(image=table[key].where(table[key].isin(folders), stems))


def _with_tables(source: DiscoverySource, path: Path, table: Path | None, group_column: str | None) -> DiscoverySource:
    """Add the columns of ``index.csv`` in a folder of pictures, and of a table, and say which cells share an image."""
    for each in (path / "index.csv", table):
        if each is not None and (each is table or each.is_file()):
            source = with_columns(source, each)
    name = group_column or ("group" if "group" in source.columns else None)
    if name is None:
        return source
    if name not in source.columns:
        raise InputError(f"no column {name!r} to group cells by; there are {', '.join(source.columns) or 'none'}")
    return replace(source, images=tuple(source.columns[name]))
