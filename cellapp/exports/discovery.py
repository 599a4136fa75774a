"""What was found without labels, as files: clusters.csv, indices.json, tables.csv, typical.csv and map.html."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cellapp.discovery.batches import ColumnCheck
from cellapp.discovery.cluster_number import as_row
from cellapp.discovery.cluster_table import ClusterTable
from cellapp.discovery.discover import Discovery
from cellapp.exports.cluster_map import cluster_map, write_map
from cellapp.exports.tables import write_csv
from cellapp.files import atomic_write


def write_discovery(found: Discovery, cells: pd.DataFrame, out: Path, made_by: Mapping[str, Any]) -> Path:
    """Write clusters, what speaks for them, and the cells that stand for them.

    Parameters
    ----------
    found : Discovery
    cells : DataFrame
        One row per cell in the order of the vectors: ``file``, or ``image`` and ``cell_id``.
    out : Path
        Folder; made where it is absent.
    made_by : mapping
        Plain JSON values for ``indices.json``: settings, encoder and version.

    Returns
    -------
    Path
        The folder, with ``clusters.csv`` (cluster from 0 by falling size, -1 for none; place on the map; distance from
        the nearest cluster and whether that is an outlier's), ``indices.json`` (of the clustering that is kept, and
        ``per_k`` of all that were tried), ``tables.csv`` (cells by cluster and value of each column), ``typical.csv``
        and ``map.html``.
    """
    out.mkdir(parents=True, exist_ok=True)
    table = cluster_rows(found, cells)
    write_csv(table, out / "clusters.csv")
    write_csv(_typical(found, cells), out / "typical.csv")
    write_csv(_tables(found), out / "tables.csv")
    with atomic_write(out / "indices.json") as part:
        part.write_text(json.dumps(indices(found) | dict(made_by), indent=2, allow_nan=False), encoding="utf-8")
    names = cells.astype(str).agg(" ".join, axis=1)
    figure = cluster_map(found.xy, found.labels, names.tolist(), found.axes)
    write_map(figure, out / "map.html", f"{found.choice.chosen.k} clusters among {len(cells):,} cells")
    return out


def cluster_rows(found: Discovery, cells: pd.DataFrame) -> pd.DataFrame:
    """Return the table of clusters.csv, one row per cell in the order of `cells`."""
    outlier = np.isin(np.arange(len(cells)), found.outliers)
    places = {"x": found.xy[:, 0], "y": found.xy[:, 1]}
    return cells.reset_index(drop=True).assign(
        cluster=found.labels, **places, distance=found.distance.round(4), outlier=outlier
    )


def indices(found: Discovery) -> dict[str, Any]:
    """Return what speaks for the number of clusters, and for their going together with columns, as plain values."""
    return {
        **as_row(found.choice.indices),
        "method": found.choice.method,
        "reason": found.choice.reason,
        "n_cells": len(found.labels),
        "n_outliers": len(found.outliers),
        "layout": found.layout,
        "axes": list(found.axes),
        "per_k": [as_row(tried) for tried in found.choice.tried],
        "columns": {table.column: _association(table, *found.separations[table.column]) for table in found.tables},
    }


def _association(table: ClusterTable, before: ColumnCheck, after: ColumnCheck | None) -> dict[str, Any]:
    """Return how the clusters go together with a column, and what the column can be told by, as plain values."""
    return {
        "chi_square": _rounded(table.chi_square),
        "degrees": table.degrees,
        "p_cells": table.p_cells,
        "cramers_v": _rounded(table.cramers_v),
        "p_images": table.p_images,
        "sentence": table.sentence,
        "before": _separation(before),
        "after": _separation(after),
    }


def _separation(found: ColumnCheck | None) -> dict[str, Any] | None:
    """Return what a column can be told by, as plain values."""
    if found is None:
        return None
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in asdict(found).items()}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _typical(found: Discovery, cells: pd.DataFrame) -> pd.DataFrame:
    parts = [
        cells.iloc[rows].assign(cluster=each.cluster, kind=kind, rank=np.arange(len(rows)))
        for each in found.typical
        for kind, rows in (("middle", each.middle), ("edge", each.edge))
    ]
    return pd.concat(parts, ignore_index=True) if parts else cells.iloc[:0].assign(cluster=0, kind="", rank=0)


def _tables(found: Discovery) -> pd.DataFrame:
    rows = [
        {"column": table.column, "cluster": cluster, "value": value, "n": int(n), "percent": round(percent, 2)}
        for table in found.tables
        for (cluster, value), n, percent in zip(
            table.counts.stack().index, table.counts.stack(), table.percent.stack(), strict=True
        )
    ]
    return pd.DataFrame(rows, columns=["column", "cluster", "value", "n", "percent"])
