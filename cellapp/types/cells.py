"""The results of each step of the analysis: labels, crops, vectors, classes and explanations of the cells of an image.

Array fields state axes, dtype and unit: C channel, Y row, X column, N cell, P patch token, D embedding dimension, K
class, S side of a square crop. Everything about cells carries ``cell_ids``; nothing is ever joined by row order. Zero
cells are an ordinary value of every type here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from cellapp.errors import InputError
from cellapp.types.drawn_regions import NO_REGIONS, DrawnRegions
from cellapp.types.image import ImageInfo, Role
from cellapp.types.outlines import OutlineQuality

POSITIVE_CLASS = "cancer"
"""The class that sensitivity, precision and every other one-sided metric are of; declared only here."""


@dataclass(frozen=True, eq=False)
class LabelMask:
    """A label image: one integer per cell; 0 is background."""

    labels: np.ndarray  # (Y, X) int32, in memory or mapped from a file
    segmenter: str  # "classical@1", "cellpose:cpsam_v2@4.2.1.1"
    note: str = ""  # where no cells were found: what was tried, in one sentence for the user
    fit: Any = None  # cellapp.segmentation.slide_fit.SlideFit that cells were found by; None of labels that were read
    outlines: OutlineQuality | None = None  # how far they can be relied on; None where nobody asked

    def __post_init__(self) -> None:
        if self.labels.ndim != 2 or not np.issubdtype(self.labels.dtype, np.integer):
            raise InputError(
                f"a label image is a (Y, X) array of integers; got {self.labels.dtype} of shape {self.labels.shape}"
            )

    @property
    def cell_ids(self) -> np.ndarray:
        """Sorted label ids present, (N,) int32, background left out."""
        return np.unique(self.labels[self.labels != 0]).astype(np.int32)


@dataclass(frozen=True, eq=False)
class Crops:
    """Pictures of cells; ``pixels[i]`` belongs to ``cell_ids[i]``.

    Square crop modes share one side, tight crops differ in size: hence a sequence and not an array.
    """

    pixels: Sequence[np.ndarray]  # N arrays (C, h, w), native or processed dtype
    cell_ids: np.ndarray  # (N,) int32
    channels: tuple[str, ...]
    inside: Sequence[np.ndarray] = ()  # N arrays (h, w) bool: True on the cell; empty when not asked for

    def __len__(self) -> int:
        return len(self.pixels)

    def __post_init__(self) -> None:
        if len(self.pixels) != len(self.cell_ids):
            raise InputError(f"{len(self.pixels)} crops but {len(self.cell_ids)} cell ids")


@dataclass(frozen=True, eq=False)
class Embeddings:
    """Vectors of cells from an encoder."""

    cls: np.ndarray  # (N, D) float32, class token after the final norm; (N, 0) where there is none of a cell
    mean_patch: np.ndarray  # (N, D) float32, mean of the patch tokens after the final norm
    cell_ids: np.ndarray  # (N,) int32
    encoder: str  # "name@revision"
    patches: np.ndarray | None = None  # (N, P, D) float32, row-major over `grid`, only on demand
    grid: tuple[int, int] = (0, 0)
    measured: np.ndarray | None = None  # (N, M) float32, see cellapp.cells.crop_features; where a head reads them
    views: int = 1  # number of turned and mirrored copies of each crop the vectors are the mean of
    spread_patch: np.ndarray | None = None  # (N, D) float32, their standard deviation, where pooled from windows

    @property
    def source(self) -> str:
        """What was encoded: "crops", one cell each, or a "grid" of windows of the slide."""
        return "crops" if self.spread_patch is None else "grid"

    @property
    def features(self) -> np.ndarray:
        """The input of a head, (N, 2 D + M) float32: class token, mean patch token and measurements, if any.

        Of a grid: mean and standard deviation of the patches.
        """
        parts = (self.cls, self.mean_patch, self.spread_patch, self.measured)
        return np.concatenate([part for part in parts if part is not None], axis=1)


def join_embeddings(parts: Sequence[Embeddings]) -> Embeddings:
    """Join batches of one encoder, in order; patch tokens are left out.

    Parameters
    ----------
    parts : sequence of Embeddings
        At least one, which may hold no cells.

    Raises
    ------
    InputError
        When they differ in width, as those of images with other channels do where each channel is encoded by itself.
    """
    widths = sorted({part.mean_patch.shape[1] for part in parts})
    if len(widths) > 1:
        raise InputError(
            f"vectors of {widths[0]} and of {widths[-1]} numbers cannot be joined; where each channel is encoded by "
            "itself, take images with the same number of channels"
        )
    of_cells = ("cls", "mean_patch", "spread_patch", "measured", "cell_ids")
    joined = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in of_cells
        if getattr(parts[0], name) is not None
    }
    return replace(parts[0], **joined, patches=None)


@dataclass(frozen=True, eq=False)
class Predictions:
    """Class probabilities of each cell."""

    probabilities: np.ndarray  # (N, K) float64, rows sum to 1
    classes: tuple[str, ...]
    cell_ids: np.ndarray  # (N,) int32
    unsure: np.ndarray  # (N,) bool: by the margin or by the conformal set, see `ClassifySettings.unsure`
    unlike_training: np.ndarray  # (N,) bool: farther from the training cells than they are from each other
    head: str  # "name@version"
    calibrated: bool
    positive: str | None = None  # the class `threshold` is for
    threshold: float = 0.5  # with two classes: probability of `positive` from which a cell is called so
    possible: np.ndarray | None = None  # (N, K) bool: classes of the conformal set; None where the head has no limits

    def __post_init__(self) -> None:
        if self.probabilities.shape != (len(self.cell_ids), len(self.classes)):
            raise InputError(
                f"probabilities of shape {self.probabilities.shape} do not fit {len(self.cell_ids)} cells and "
                f"{len(self.classes)} classes"
            )

    @property
    def labels(self) -> np.ndarray:
        """The class of each cell, (N,) object: by the threshold with two classes, else the most probable."""
        names = np.asarray(self.classes, dtype=object)
        if self._by_threshold:
            at = self.classes.index(self.positive)
            return names[np.where(self.probabilities[:, at] >= self.threshold, at, 1 - at)]
        return names[self.probabilities.argmax(axis=1)]

    @property
    def sets(self) -> np.ndarray | None:
        """Possible classes of each cell joined by "|", (N,) object, "" where there are none; None without limits."""
        if self.possible is None:
            return None
        rows = ("|".join(name for name, kept in zip(self.classes, row, strict=True) if kept) for row in self.possible)
        return np.array([*rows], dtype=object)

    @property
    def _by_threshold(self) -> bool:
        return self.positive in self.classes and len(self.classes) == 2

    @property
    def margin(self) -> np.ndarray:
        """How far a cell is from getting another class, (N,) float64, 0 to 1.

        Highest minus second highest probability; with two classes the distance from the threshold as a share of the
        largest possible one on that side, which is the same at a threshold of 0.5.
        """
        if self._by_threshold:
            p = self.probabilities[:, self.classes.index(self.positive)]
            return np.where(p >= self.threshold, (p - self.threshold) / (1 - self.threshold), 1 - p / self.threshold)
        ordered = np.sort(self.probabilities, axis=1)
        return ordered[:, -1] - (ordered[:, -2] if ordered.shape[1] > 1 else 0.0)


@dataclass(frozen=True, eq=False)
class Explanations:
    """Signed maps of what raises (+) and lowers (-) the logit of one class, in logit units."""

    maps: np.ndarray  # (N, h, w) float32 on the token grid; a map's sum is its share of the logit
    rest: np.ndarray  # (N,) float32: logit minus the sum of the map (class token and bias)
    logits: np.ndarray  # (N,) float32 of the target class
    cell_ids: np.ndarray  # (N,) int32
    target: str
    method: str

    @property
    def limit(self) -> float:
        """Half width of the symmetric colour scale all maps of the run share, logit units; 0 when there are none."""
        return float(np.abs(self.maps).max(initial=0.0))


def join_explanations(parts: Sequence[Explanations]) -> Explanations:
    """Join maps of one class made by one method, in order.

    Parameters
    ----------
    parts : sequence of Explanations
        At least one, which may hold no cells.
    """
    joined = {
        name: np.concatenate([getattr(part, name) for part in parts]) for name in ("maps", "rest", "logits", "cell_ids")
    }
    return replace(parts[0], **joined)


@dataclass(frozen=True, eq=False)
class Analysis:
    """The results of one image: what `exports` write and pages draw."""

    name: str  # file stem, safe as a folder name
    info: ImageInfo
    digest: str
    roles: tuple[Role, ...]
    mask: LabelMask
    cells: pd.DataFrame  # CellTable, one row per cell, indexed by cell_id; see cellapp.cells.measure
    confluency: float  # covered share of the image, 0 to 1
    embeddings: Embeddings | None = None  # of the classified cells, without patch tokens
    explanations: Explanations | None = None
    compartments: pd.DataFrame | None = None  # of the explained cells, see cellapp.pipeline.explain_cells
    nuclei: LabelMask | None = None  # the id of each cell on its nuclei, where they were looked for
    provenance: Mapping[str, Any] = field(default_factory=dict)
    regions: DrawnRegions = NO_REGIONS  # that the cells were limited to; none: the whole image
