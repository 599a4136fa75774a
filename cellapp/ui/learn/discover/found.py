"""What the Discover page shows: the result of one search, read from its files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from cellapp.jobs.discover import DiscoverRequest, discovery_folder, read_indices
from cellapp.jobs.name_cluster import read_clusters
from cellapp.store.records import ImageRecord
from cellapp.ui.session.results import Results


@dataclass(frozen=True, eq=False)
class Found:
    """Clusters of cells, and the run they are of."""

    request: DiscoverRequest
    folder: Path
    results: Results
    images: Mapping[str, ImageRecord]  # finished ones that are still in the project
    cells: pd.DataFrame  # as clusters.csv, with image_id and the bounding box; N rows
    typical: pd.DataFrame  # as typical.csv, with image_id and the bounding box
    tables: pd.DataFrame  # as tables.csv
    indices: Mapping[str, Any]

    @property
    def clusters(self) -> list[int]:
        """Numbers of the clusters, the largest first."""
        return sorted(int(cluster) for cluster in self.cells["cluster"].unique() if cluster >= 0)

    def rows_of(self, cluster: int) -> pd.DataFrame:
        """Return the cells of a cluster."""
        return self.cells[self.cells["cluster"] == cluster]

    def shown_of(self, cluster: int, kind: str) -> pd.DataFrame:
        """Return cells of a cluster that stand for it, best first; `kind` is "middle" or "edge"."""
        typical = self.typical
        return typical[(typical["cluster"] == cluster) & (typical["kind"] == kind)].sort_values("rank")


def read_found(request: DiscoverRequest, results: Results, images: Mapping[str, ImageRecord]) -> Found:
    """Read the result of a search.

    Raises
    ------
    InputError
        When it is gone.
    """
    folder = discovery_folder(request)
    changed = (folder / "indices.json").stat().st_mtime_ns if folder.is_dir() else 0
    cells, typical, tables = _tables(request, str(folder), changed, results)
    return Found(request, folder, results, images, cells, typical, tables, read_indices(folder))


# A resource, not data: tens of thousands of rows would be copied on every rerun. Nobody writes to them.
@st.cache_resource(max_entries=3, show_spinner="Reading the clusters")
def _tables(
    _request: DiscoverRequest, folder: str, changed: int, _results: Results
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    cells = read_clusters(_request)
    boxes = _results.cells.drop(columns=["image"], errors="ignore")
    typical = pd.read_csv(Path(folder) / "typical.csv", dtype={"image": str})
    tables = pd.read_csv(Path(folder) / "tables.csv", dtype={"column": str, "value": str})
    keys = ["stem", "cell_id"]
    found = [
        table.rename(columns={"image": "stem"}).merge(boxes.drop(columns=["image_id"]), on=keys, how="inner")
        for table in (cells, typical.merge(cells[["image", "cell_id", "image_id"]], on=["image", "cell_id"]))
    ]
    return found[0], found[1], tables.assign(cluster=tables["cluster"].astype(np.int64))
