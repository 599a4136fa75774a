"""What drawn areas are in numbers and in a sentence: for run.json, summary.csv, pages and the report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cellapp.regions.coverage import Coverage
from cellapp.types.drawn_regions import DrawnRegions

REGIONS = "regions"
"""Key of run.json that is there where a run was limited to regions, and column of summary.csv."""


REGION_COLUMNS = (REGIONS, "regions_area_px", "regions_area_mm2", "cells_per_mm2")
"""Of summary.csv; see `region_columns`."""


def describe_regions(regions: DrawnRegions, covered: Coverage, um_per_px: float | None) -> dict[str, Any]:
    """Return what run.json says of the areas a run was limited to; their outlines are in regions.geojson."""
    image_px = covered.shape[0] * covered.shape[1]
    mm2 = (lambda px: px * um_per_px**2 / 1e6) if um_per_px else (lambda px: None)
    return {
        "digest": regions.digest,
        "kept": [region.name for region in regions.kept],
        "left_out": [region.name for region in regions.left_out],
        "area_px": covered.area_px,
        "image_px": image_px,
        "area_mm2": mm2(covered.area_px),
        "image_mm2": mm2(image_px),
    }


def region_columns(described: Mapping[str, Any] | None, n_cells: int) -> dict[str, Any]:
    """Return the columns of summary.csv about the areas of an image; none where the whole image counts.

    ``regions`` is `counted_words`; area in mm2 and cells per mm2 are empty where the pixel size is unknown.
    """
    if not described:
        return {}
    mm2 = described["area_mm2"]
    values = (counted_words(described), described["area_px"], mm2, n_cells / mm2 if mm2 else None)
    return dict(zip(REGION_COLUMNS, values, strict=True))


def counted_words(described: Mapping[str, Any]) -> str:
    """Return how many areas there are: "3 kept, 1 left out"."""
    kept = f"{len(described['kept'])} kept" if described["kept"] else "all kept"
    return f"{kept}, {len(described['left_out'])} left out" if described["left_out"] else kept


def regions_sentence(described: Mapping[str, Any], n_cells: int | None = None) -> str:
    """Return "3 regions kept, 1 left out: 2.1 of 40 mm²", with the cells per mm² where they are given and known."""
    n, out = len(described["kept"]), len(described["left_out"])
    kept = f"{n} region{'s' * (n != 1)} kept" if n else "All kept"
    left = f", {out} left out" if n else f" but {out} region{'s' * (out != 1)}"
    words = f"{kept}{left if out else ''}: {_areas(described)}"
    if n_cells is None or not described["area_mm2"]:
        return words
    return f"{words}, {n_cells / described['area_mm2']:,.0f} cells per mm²"


def _areas(described: Mapping[str, Any]) -> str:
    if described["area_mm2"] is None:
        return f"{described['area_px']:,} of {described['image_px']:,} px²"
    return f"{described['area_mm2']:.3g} of {described['image_mm2']:.3g} mm²"


def row_sentence(row: Mapping[str, Any]) -> str:
    """Return what a row of `region_columns` says: "Regions only (2 kept): 1.3 mm², 210 cells per mm²"; else ""."""
    if not row.get(REGIONS):
        return ""
    start = f"Cells of regions only ({row[REGIONS]})"
    if row.get("regions_area_mm2") is None:
        return f"{start}: {row['regions_area_px']:,} px²"
    density = f", {row['cells_per_mm2']:,.0f} cells per mm²" if row.get("cells_per_mm2") is not None else ""
    return f"{start}: {row['regions_area_mm2']:.3g} mm²{density}"
