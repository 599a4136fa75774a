"""Clusters beside what is known of the cells: a table per column, and whether the two go together.

Cells of one image share stain, focus and day, so that they are no independent witnesses: beside the chi-square test of
cells stands a permutation test that moves whole images, and it is the one to believe.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import chi2_contingency

from cellapp.discovery.clustering import IN_NO_CLUSTER
from cellapp.errors import InputError

PERMUTATIONS = 999
_SIGNIFICANT = 0.05


@dataclass(frozen=True, eq=False)
class ClusterTable:
    """Clusters by the values of one column."""

    column: str
    counts: pd.DataFrame  # rows clusters, columns values, cells
    chi_square: float | None
    degrees: int
    p_cells: float | None  # as if cells were independent
    cramers_v: float | None  # 0 no association to 1
    p_images: float | None  # by moving whole images; None where that cannot be tested
    sentence: str

    @property
    def percent(self) -> pd.DataFrame:
        """Share of each value in each cluster; rows sum to 100."""
        return 100 * self.counts.div(self.counts.sum(axis=1).clip(lower=1), axis=0)


def cluster_table(
    labels: np.ndarray, values: Sequence[str], images: Sequence[str], column: str, *, seed: int = 0
) -> ClusterTable:
    """Compare clusters with a column.

    Parameters
    ----------
    labels : ndarray of shape (N,), int
        Cluster of each cell; cells in no cluster are left out.
    values : sequence of str
        N values of the column, a condition of the image or a class of the cell; cells without one ("") are left out.
    images : sequence of str
        The image of each cell.
    column : str
        Its name, for the sentence.
    seed : int
        Of the permutations.

    Returns
    -------
    ClusterTable
        Chi-square (Pearson), Cramer's V (1946) and two p values. The second is the share of 999 random assignments
        with at least the chi-square seen: values of a column that are the same within each image move as images, others
        move among the cells of their image.

    Raises
    ------
    InputError
        When the three differ in length.
    """
    if not len(labels) == len(values) == len(images):
        raise InputError(
            f"{len(labels)} clusters, {len(values)} values and {len(images)} images must be of the same cells"
        )
    values, images = np.asarray(values, str), np.asarray(images, str)
    kept = (np.asarray(labels) != IN_NO_CLUSTER) & (values != "")
    labels, values, images = np.asarray(labels)[kept], values[kept], images[kept]
    counts = pd.crosstab(pd.Series(labels, name="cluster"), pd.Series(values, name=column))
    if min(counts.shape) < 2:
        what = "one cluster" if counts.shape[0] < 2 else f"one value of {column}"
        return ClusterTable(column, counts, None, 0, None, None, None, f"There is only {what}: nothing to compare.")
    test = chi2_contingency(counts.to_numpy(), correction=False)
    v = float(np.sqrt(test.statistic / counts.to_numpy().sum() / (min(counts.shape) - 1)))
    p_images, degrees = None, int(test.dof)
    if len(set(images)) == len(images):
        sentence = _strength(v) + ", and which cells share an image is not known, so that no test can respect it."
    else:
        p_images = _permuted(labels, values, images, float(test.statistic), seed)
        sentence = _sentence(column, v, p_images)
    return ClusterTable(column, counts, float(test.statistic), degrees, float(test.pvalue), v, p_images, sentence)


def _permuted(labels: np.ndarray, values: np.ndarray, images: np.ndarray, seen: float, seed: int) -> float | None:
    """Return the p value by permutation; None where every arrangement is the one that was seen."""
    _, image = np.unique(images, return_inverse=True)
    _, value = np.unique(values, return_inverse=True)
    _, label = np.unique(labels, return_inverse=True)
    shape, generator = (label.max() + 1, value.max() + 1), np.random.default_rng(seed)
    of_image = np.full(image.max() + 1, -1)
    of_image[image] = value
    whole = bool((of_image[image] == value).all())
    if whole and (np.bincount(of_image).max() == len(of_image) or len(of_image) <= shape[1]):
        return None  # each value has one image at most: no arrangement tells the value from the image
    order = np.argsort(image, kind="stable")
    bounds = np.flatnonzero(np.diff(image[order])) + 1
    larger = 0
    for _ in range(PERMUTATIONS):
        if whole:
            moved = generator.permutation(of_image)[image]
        else:
            moved = value.copy()
            for rows in np.split(order, bounds):
                moved[rows] = value[generator.permutation(rows)]
        larger += _chi_square(label, moved, shape) >= seen * (1 - 1e-9)
    return (1 + larger) / (1 + PERMUTATIONS)


def _chi_square(label: np.ndarray, value: np.ndarray, shape: tuple[int, int]) -> float:
    counts = np.bincount(label * shape[1] + value, minlength=shape[0] * shape[1]).reshape(shape)
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / counts.sum()
    return float((((counts - expected) ** 2) / np.maximum(expected, 1e-12)).sum())


def _sentence(column: str, v: float, p_images: float | None) -> str:
    strength = _strength(v)
    if p_images is None:
        return (
            f"{strength}, but no value of {column} has two images, so that it cannot be told from the image: "
            f"photograph every value of {column} at least twice."
        )
    together = "go together" if p_images <= _SIGNIFICANT else "need not go together"
    return (
        f"Clusters and {column} {together}: {strength}, and so much or more comes by chance in "
        f"{100 * p_images:.1f} % of arrangements of the images."
    )


def _strength(v: float) -> str:
    return f"Cramer's V is {v:.2f} (0 none, 1 complete)"
