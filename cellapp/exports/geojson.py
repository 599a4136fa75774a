"""outlines.geojson: cells as polygons that QuPath opens with their class, and back to labels."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cellapp.cells.counts import classes_of, outcome
from cellapp.cells.shape import BOX_COLUMNS
from cellapp.errors import InputError
from cellapp.exports.polygons import Ring, paint, polygons_of
from cellapp.files import atomic_write
from cellapp.rendering.colours import class_colour, rgb
from cellapp.types.cells import LabelMask

_encode = json.JSONEncoder(allow_nan=False).encode
FEATURE_START = '{"type": "Feature", "geometry": '
"""How the line of each cell begins."""

MEASURED = ("area_px", "area_um2", "margin")
CELLS_AT_A_TIME = 512
"""Rows of the table read together: bounds the memory."""


def write_geojson(
    mask: LabelMask,
    cells: pd.DataFrame,
    path: Path,
    *,
    classes: Sequence[str] = (),
    object_type: str = "detection",
    kept: Mapping[int, str] | None = None,
) -> Path:
    """Write one feature per cell, one after the other, so that a million cells need no more memory than one.

    Parameters
    ----------
    mask : LabelMask
    cells : DataFrame
        Cell table with boxes and `qc_pass`; what a cell counts as becomes its QuPath classification.
    path : Path
    classes : sequence of str
        All classes of the head, which decide the colours.
    object_type : {"detection", "annotation"}
        What QuPath makes of a cell.
    kept : mapping of cell id to str, optional
        Outlines that are not traced again, as `outline_of` returns them.

    Returns
    -------
    Path
        A FeatureCollection in full-resolution pixels, along pixel edges. Properties follow QuPath 0.4 and later; the
        cell's id is in ``cell_id``, in ``name`` and among the measurements, which QuPath keeps when it exports again.
    """
    with atomic_write(path) as part, part.open("w", encoding="utf-8", newline="\n") as file:
        file.write('{"type": "FeatureCollection", "features": [')
        for i, feature in enumerate(_features(mask.labels, cells, tuple(classes), object_type, kept or {})):
            file.write(("\n" if i == 0 else ",\n") + feature)
        file.write("\n]}\n")
    return path


def read_geojson(path: Path, shape: tuple[int, int]) -> np.ndarray:
    """Fill the polygons of a GeoJSON file.

    Parameters
    ----------
    path : Path
        A FeatureCollection, a list of features or one feature with (Multi)Polygons, as QuPath exports them.
    shape : tuple of int
        (Y, X) of the image; polygons are cut off at its edge.

    Returns
    -------
    ndarray of shape (Y, X), int32
        A pixel belongs to a polygon when its centre does; later polygons cover earlier ones. Cells keep the id they
        were written with; those without one are numbered on after the largest.

    Raises
    ------
    InputError
        If it is no such file or an id comes twice.
    """
    features = _parse(path)
    cell_ids = [_id_of(feature) for feature in features]
    given = [number for number in cell_ids if number is not None]
    if len(set(given)) != len(given):
        raise InputError(f"each outline needs its own cell_id; {path.name!r} has some twice; number them anew")
    following = iter(range(max(given, default=0) + 1, max(given, default=0) + len(features) + 1))
    labels = np.zeros(shape, np.int32)
    for feature, number in zip(features, cell_ids, strict=True):
        paint(labels, _rings_of(feature, path.name), next(following) if number is None else number)
    return labels


def _features(
    labels: np.ndarray, cells: pd.DataFrame, classes: tuple[str, ...], object_type: str, kept: Mapping[int, str]
) -> Iterator[str]:
    """Yield the JSON of each cell."""
    properties = cell_properties(cells, classes, object_type)
    for first in range(0, len(cells), CELLS_AT_A_TIME):
        for cell_id, *box in cells.iloc[first : first + CELLS_AT_A_TIME][BOX_COLUMNS].itertuples():
            geometry = kept.get(cell_id) or outline_of(labels, cell_id, box)
            yield f'{FEATURE_START}{geometry}, "properties": {"".join(next(properties))}}}'


def outline_of(labels: np.ndarray, cell_id: int, box: Sequence[int]) -> str:
    """Trace one cell of a label image.

    Parameters
    ----------
    labels : ndarray of shape (Y, X), integer
    cell_id : int
    box : sequence of int
        Rows and columns of the cell, y0, x0, y1, x1, px.

    Returns
    -------
    str
        A Polygon or MultiPolygon as JSON, in pixels of the label image.
    """
    y0, x0, y1, x1 = box
    return _encode(_geometry(labels[y0:y1, x0:x1] == cell_id, np.array([x0, y0])))


def cell_properties(cells: pd.DataFrame, classes: tuple[str, ...], object_type: str) -> Iterator[tuple[str, str]]:
    """Yield what QuPath is told of each cell besides its outline: JSON of whose it is, and the rest of it."""
    counted_as = outcome(cells)
    for first in range(0, len(cells), CELLS_AT_A_TIME):
        some = slice(first, first + CELLS_AT_A_TIME)
        yield from _properties_of_some(cells.iloc[some], counted_as.iloc[some], classes, object_type)


def _properties_of_some(
    cells: pd.DataFrame, counted_as: pd.Series, classes: tuple[str, ...], object_type: str
) -> Iterator[tuple[str, str]]:
    """Write JSON by hand: encoding a tree for each cell takes most of the time of other classes for a run."""
    names = [*(f"p_{name}" for name in classes_of(cells)), *(name for name in MEASURED if name in cells)]
    values, keys = map(np.ndarray.tolist, cells[names].to_numpy(np.float64)), [_encode(name) for name in names]
    kinds = {
        name: _encode({"name": name, "color": list(rgb(class_colour(name, classes)))})
        for name in map(str, set(counted_as))
    }
    start = f'{{"objectType": {_encode(object_type)}, "name": '
    for cell_id, kind, row in zip(cells.index.tolist(), map(str, counted_as.tolist()), values, strict=True):
        number = int(cell_id)
        measured = "".join(f", {key}: {value!r}" for key, value in zip(keys, row, strict=True) if math.isfinite(value))
        yield (
            f'{start}"{cell_id}", "cell_id": {number}, ',
            f'"classification": {kinds[kind]}, "measurements": {{"cell_id": {number}{measured}}}}}',
        )


def _geometry(inside: np.ndarray, corner: np.ndarray) -> dict[str, Any]:
    polygons = [[(ring + corner).tolist() for ring in polygon] for polygon in polygons_of(inside)]
    if len(polygons) == 1:
        return {"type": "Polygon", "coordinates": polygons[0]}
    return {"type": "MultiPolygon", "coordinates": polygons}


def _parse(path: Path) -> list[dict[str, Any]]:
    try:
        tree = json.loads(path.read_text(encoding="utf-8-sig"))
        features = tree["features"] if isinstance(tree, dict) and "features" in tree else tree
        features = [features] if isinstance(features, dict) else list(features)
        if all(isinstance(feature, dict) and isinstance(feature["geometry"], dict) for feature in features):
            return features
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path.name!r} is no GeoJSON with outlines; export it from QuPath as GeoJSON") from error
    raise InputError(f"{path.name!r} has features without a geometry; export the objects from QuPath as GeoJSON")


def _id_of(feature: dict[str, Any]) -> int | None:
    properties = feature.get("properties") or {}
    measurements = properties.get("measurements") or {}
    number = properties.get("cell_id", measurements.get("cell_id") if isinstance(measurements, dict) else None)
    whole = isinstance(number, int | float) and 0 < number <= np.iinfo(np.int32).max and number == int(number)
    return int(number) if whole else None


def _rings_of(feature: dict[str, Any], file: str) -> list[Ring]:
    kind, coordinates = feature["geometry"].get("type"), feature["geometry"].get("coordinates")
    if kind not in ("Polygon", "MultiPolygon"):
        raise InputError(f"outlines are polygons; {file!r} has a {kind}; delete it or draw it as an area")
    try:
        polygons = [coordinates] if kind == "Polygon" else coordinates
        rings = [np.asarray(ring, dtype=np.float64)[:, :2] for polygon in polygons for ring in polygon]
    except (ValueError, IndexError, TypeError) as error:
        raise InputError(f"{file!r} has a polygon whose corners are no pairs of numbers; export it again") from error
    if not all(np.isfinite(ring).all() for ring in rings):
        raise InputError(f"{file!r} has a polygon with corners that are not finite; export it again")
    return rings
