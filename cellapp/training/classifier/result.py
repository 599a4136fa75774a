"""A trained head together with the data and the held-out predictions behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cellapp.classification.head import LinearHead
from cellapp.training.classifier.cross_validation import HeldOut, LabelledVectors
from cellapp.training.classifier.recipe import HeadRecipe
from cellapp.training.encode_dataset import EncodedDataset


@dataclass(frozen=True, eq=False)
class TrainedHead:
    """A head with the evidence for it."""

    head: LinearHead
    recipe: HeadRecipe
    dataset: EncodedDataset
    data: LabelledVectors
    held_out: HeldOut | None  # None when the groups cannot be split
    baselines: Mapping[str, np.ndarray]  # held-out probabilities (N, K) of other methods on the same folds
    method: str  # what the head itself is called among them
