"""Vectors of training cells with what is known of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cellapp.errors import InputError
from cellapp.evaluation.mixtures import pure_classes, target_shares
from cellapp.training.folds import split_groups


@dataclass(frozen=True, eq=False)
class LabelledVectors:
    """Vectors of training cells with the class and the group of each.

    Cells of one group (slide, plate or patient) look alike whatever their class, so that only figures on held-out
    groups say how a head does on new ones.
    """

    features: np.ndarray  # (N, F), see `Embeddings.features`
    labels: Sequence[str]  # N class names, or mixtures of classes, see `cellapp.evaluation.mixtures`
    groups: Sequence[str]  # N slides, plates or patients

    def __post_init__(self) -> None:
        n_cells = len(self.features)
        if len(self.labels) != n_cells or len(self.groups) != n_cells:
            raise InputError(
                f"{n_cells} vectors, {len(self.labels)} labels, {len(self.groups)} groups; give one of each"
            )
        if not np.isfinite(self.features).all():
            raise InputError("training vectors hold missing or infinite numbers; encode the cells again")
        if len(self.classes) < 2:
            raise InputError(f"training needs cells of at least two classes; got {', '.join(self.classes) or 'none'}")

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, sorted; mixtures are none."""
        return pure_classes(self.labels)

    @property
    def shares(self) -> np.ndarray:
        """Share of each class in each cell or field, (N, K) float64: 1 of one class, or those of a known mixture."""
        return target_shares(self.labels, self.classes)

    @property
    def codes(self) -> np.ndarray:
        """Class of each cell as a number, (N,) int; of a mixture that of the largest share."""
        return self.shares.argmax(axis=1)

    @property
    def pure(self) -> np.ndarray:
        """Which cells have one class, (N,) bool: figures and calibration are about these."""
        return np.isin(np.asarray(self.labels, dtype=object).astype(str), self.classes)

    @property
    def group_names(self) -> np.ndarray:
        """Group of each cell, (N,) str."""
        return np.asarray(self.groups, dtype=object).astype(str)

    def subset(self, rows: np.ndarray) -> LabelledVectors:
        """Select cells by a mask, (N,) bool."""
        labels, groups = (np.asarray(values, dtype=object)[rows].tolist() for values in (self.labels, self.groups))
        return LabelledVectors(self.features[rows], labels, groups)

    def split(self, folds: int, seed: int) -> np.ndarray | str:
        """Assign cells to folds by their groups; groups of mixtures alone are dealt out in the order of their names."""
        pure, groups = self.pure, self.group_names
        split = split_groups(self.codes[pure], groups[pure], self.classes, folds=folds, seed=seed)
        if isinstance(split, str) or pure.all():
            return split
        fold_of_group = dict(zip(groups[pure].tolist(), split.tolist(), strict=True))
        rest = sorted(set(groups.tolist()) - fold_of_group.keys())
        fold_of_group |= {group: k % (int(split.max()) + 1) for k, group in enumerate(rest)}
        return np.array([fold_of_group[group] for group in groups.tolist()])
