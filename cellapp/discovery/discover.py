"""Clusters, map, typical cells and outliers of some vectors, in one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field

from cellapp.discovery.batches import ColumnCheck, check_column
from cellapp.discovery.cluster_number import ClusterChoice, choose_clusters
from cellapp.discovery.cluster_table import ClusterTable, cluster_table
from cellapp.discovery.clustering import reduced
from cellapp.discovery.corrections import Correction, correction_of
from cellapp.discovery.projection import UMAP_MIN_CELLS, Method, project
from cellapp.discovery.typical_cells import TypicalCells, outliers, typical_cells
from cellapp.errors import InputError
from cellapp.settings import FrozenModel, Seed
from cellapp.types.image import OnStep

_TOLD_BY = 50  # components that columns are told by
ClusterMethod = Literal["gmm", "kmeans", "hdbscan", "leiden"]


class DiscoverSettings(FrozenModel):
    """How cells are grouped and mapped."""

    method: ClusterMethod = "gmm"
    k: int | None = Field(None, ge=1, le=1000)
    """Number of clusters; None chooses it, see `cellapp.discovery.cluster_number.choose_clusters`."""
    layout: Method = "umap"
    """Map of the cells; below five cells it is PCA."""
    standardise: bool = False
    """Give each column standard deviation 1 first: for measurements in different units, not for vectors."""
    correct: str | None = None
    """Column whose values are each given mean 0 and standard deviation 1 before cells are grouped: the batch."""
    controls: str | None = None
    """``column=value`` of control cells: what they vary most in is shrunk before cells are grouped."""
    seed: Seed = 0


@dataclass(frozen=True, eq=False)
class Discovery:
    """What was found in N vectors."""

    choice: ClusterChoice
    xy: np.ndarray  # (N, 2) float32, the map
    axes: tuple[str, str]
    layout: Method
    typical: tuple[TypicalCells, ...]
    outliers: np.ndarray  # (M,) int, row numbers, farthest first
    distance: np.ndarray  # (N,) float64, see `cellapp.discovery.typical_cells.outliers`
    tables: tuple[ClusterTable, ...]
    separations: Mapping[str, tuple[ColumnCheck, ColumnCheck | None]]  # by column, before and after the correction

    @property
    def labels(self) -> np.ndarray:
        """Cluster of each cell, (N,) int32; -1 is in none."""
        return self.choice.chosen.labels


def discover(
    features: np.ndarray,
    settings: DiscoverSettings | None = None,
    *,
    columns: Mapping[str, Sequence[str]] | None = None,
    images: Sequence[str] | None = None,
    on_step: OnStep = lambda step, part: None,
) -> Discovery:
    """Find clusters among cells without labels, and compare them with what is known.

    Parameters
    ----------
    features : ndarray of shape (N, F)
        Finite numbers; one cell is enough, zero are refused.
    settings : DiscoverSettings, optional
    columns : mapping of str to sequence of str, optional
        Conditions or classes of the cells by name, N values each; they take no part in the clustering.
    images : sequence of str, optional
        The image of each cell, which tests by whole images need; every cell is its own when left out.
    on_step : callable
        Progress; may raise `Cancelled`.

    Raises
    ------
    InputError
        When there is no cell, a number is not finite, a column to correct by is not there, or the number of clusters
        cannot be had.
    """
    settings = settings or DiscoverSettings()
    if not len(features):
        raise InputError("there are no cells to cluster; find cells first, or name a file that holds vectors")
    columns, images = columns or {}, np.arange(len(features)).astype(str) if images is None else images
    if settings.standardise:
        features = _standardised(features)
    before = reduced(features, seed=settings.seed, dimensions=_TOLD_BY)
    correction = correction_of(columns, settings.correct, settings.controls)
    if correction is not None:
        features = correction.apply(features)
    points = reduced(features, seed=settings.seed)
    choice = choose_clusters(
        features, points, settings.method, settings.k, seed=settings.seed, on_step=lambda s, p: on_step(s, 0.6 * p)
    )
    on_step("Laying out cells", 0.6)
    layout: Method = settings.layout if len(features) >= UMAP_MIN_CELLS else "pca"
    xy, axes = project(points, method=layout, seed=settings.seed)
    on_step("Comparing with what is known", 0.95)
    labels = choice.chosen.labels
    tables = tuple(cluster_table(labels, values, images, name, seed=settings.seed) for name, values in columns.items())
    separations = _separations(before, columns, images, correction, settings.seed)
    rows, distance = outliers(points, labels)
    return Discovery(choice, xy, axes, layout, typical_cells(points, labels), rows, distance, tables, separations)


def _separations(
    features: np.ndarray,
    columns: Mapping[str, Sequence[str]],
    images: Sequence[str],
    correction: Correction | None,
    seed: int,
) -> dict[str, tuple[ColumnCheck, ColumnCheck | None]]:
    """Measure every column before the correction, and after it where there is one."""
    found = {}
    for name, values in columns.items():
        before = check_column(features, values, images, seed=seed)
        after = None
        if correction is not None:
            after = check_column(features, values, images, correction=correction, seed=seed)
        found[name] = before, after
    return found


def _standardised(features: np.ndarray) -> np.ndarray:
    deviation = features.std(axis=0, dtype=np.float64)
    return (features - features.mean(axis=0, dtype=np.float64)) / np.where(deviation > 0, deviation, 1.0)
