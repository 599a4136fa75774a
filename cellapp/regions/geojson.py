"""Drawn areas as GeoJSON that QuPath opens and writes: annotations in pixels of full resolution."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cellapp.errors import InputError
from cellapp.files import atomic_write, clean_text
from cellapp.regions.check import check_regions
from cellapp.types.drawn_regions import DrawnRegion, DrawnRegions, Polygon

REGIONS_FILE = "regions.geojson"
"""In the folder of an image whose run was limited to regions."""
KEPT, LEFT_OUT = "Region*", "Ignore*"
"""Classifications of QuPath that stand for a region of interest, and for what is not looked at."""
_COLOURS = {True: [0, 158, 115], False: [213, 94, 0]}
_EXPORT = "export the annotations from QuPath as a GeoJSON FeatureCollection"


def to_geojson(regions: DrawnRegions) -> dict[str, Any]:
    """Return areas as a FeatureCollection of annotations; `read_regions` gives the same areas again."""
    return {"type": "FeatureCollection", "features": [_feature(region) for region in regions.regions]}


def write_regions(regions: DrawnRegions, path: Path) -> Path:
    """Write areas as GeoJSON."""
    with atomic_write(path) as part:
        part.write_text(json.dumps(to_geojson(regions), indent=1, allow_nan=False) + "\n", encoding="utf-8")
    return path


def read_regions(path: Path, shape: tuple[int, int]) -> DrawnRegions:
    """Read the areas of an image from a file of `write_regions` or of QuPath.

    Raises
    ------
    InputError
        See `from_geojson`; also when it is no JSON.
    """
    try:
        tree = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path.name!r} cannot be read as GeoJSON; {_EXPORT}") from error
    return from_geojson(tree, shape, path.name)


def from_geojson(tree: Any, shape: tuple[int, int], source: str = "GeoJSON") -> DrawnRegions:
    """Read the areas of an image.

    Parameters
    ----------
    tree : JSON value
        A FeatureCollection, a list of features or one feature, each a Polygon or MultiPolygon. An area is left out
        where its classification is named "Ignore*" or its property ``leave_out`` is true; all others are kept.
    shape : tuple of int
        (Y, X) of the image.
    source : str
        What to call it in errors.

    Raises
    ------
    InputError
        When it is something else, or an area cannot be used, see `cellapp.regions.check.check_regions`.
    """
    regions = [_region(feature, n, source) for n, feature in enumerate(_features(tree, source), start=1)]
    try:
        return check_regions(regions, shape)
    except InputError as error:
        raise InputError(f"{source}: {error}") from error


def _features(tree: Any, source: str) -> list[Mapping[str, Any]]:
    features = tree.get("features", tree) if isinstance(tree, dict) else tree
    features = [features] if isinstance(features, dict) else features
    if not isinstance(features, list) or not all(
        isinstance(one, dict) and isinstance(one.get("geometry"), dict) for one in features
    ):
        raise InputError(f"{source!r} is no GeoJSON with regions: features with a geometry are missing; {_EXPORT}")
    return features


def _region(feature: Mapping[str, Any], number: int, source: str) -> DrawnRegion:
    properties = feature.get("properties")
    properties = properties if isinstance(properties, dict) else {}
    kind = properties.get("classification")
    kind = kind.get("name") if isinstance(kind, dict) else kind
    keep = not (properties.get("leave_out") is True or (isinstance(kind, str) and kind.lower().startswith("ignore")))
    named = properties.get("name")
    name = clean_text(named)[:100] if isinstance(named, str) and named.strip() else f"Region {number}"
    return DrawnRegion(name, _polygons(feature["geometry"], f"region {name!r} of {source!r}"), keep)


def _polygons(geometry: Mapping[str, Any], what: str) -> tuple[Polygon, ...]:
    kind, coordinates = geometry.get("type"), geometry.get("coordinates")
    if kind not in ("Polygon", "MultiPolygon"):
        raise InputError(f"{what} is a {kind!s:.30}, and regions are areas; draw it as a polygon, or delete it")
    try:
        polygons = [coordinates] if kind == "Polygon" else list(coordinates)
        found = tuple(tuple(ring_of(ring) for ring in polygon) for polygon in polygons)
    except (ValueError, TypeError, IndexError, OverflowError) as error:
        raise InputError(f"{what} has no rings of three corners x, y that are finite numbers; {_EXPORT}") from error
    if not found or not all(found):
        raise InputError(f"{what} has no corners; draw it again, or delete it")
    return found


def ring_of(corners: Sequence[Sequence[float]]) -> tuple[tuple[float, float], ...]:
    """Return a closed ring of corners x, y. Raises ValueError where there are fewer than three, or one is no place."""
    ring = np.array([corner[:2] for corner in corners], np.float64)
    if ring.ndim != 2 or ring.shape[1] != 2 or not np.isfinite(ring).all() or np.abs(ring).max(initial=0) > 1e9:
        raise ValueError("corners are pairs of finite numbers")
    if len(ring) and (ring[0] != ring[-1]).any():
        ring = np.vstack([ring, ring[:1]])
    if len(ring) < 4:
        raise ValueError("a ring has three corners at least")
    return tuple(map(tuple, ring.tolist()))


def _feature(region: DrawnRegion) -> dict[str, Any]:
    """Return one annotation as QuPath 0.4 and later have it."""
    coordinates = [[[list(corner) for corner in ring] for ring in polygon] for polygon in region.polygons]
    single = len(coordinates) == 1
    return {
        "type": "Feature",
        "geometry": {
            "type": "Polygon" if single else "MultiPolygon",
            "coordinates": coordinates[0] if single else coordinates,
        },
        "properties": {
            "objectType": "annotation",
            "name": region.name,
            "classification": {"name": KEPT if region.keep else LEFT_OUT, "color": _COLOURS[region.keep]},
            "leave_out": not region.keep,
        },
    }
