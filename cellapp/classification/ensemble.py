"""Several heads that answer as one: the weighted mean of their probabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from cellapp.classification.conformal import ConformalLimits
from cellapp.classification.head import LinearHead
from cellapp.classification.own_encoder import OwnEncoder
from cellapp.errors import ModelError
from cellapp.settings import CropSettings, FeatureSettings, PreprocessSettings, VectorSettings
from cellapp.types.cells import Embeddings
from cellapp.types.protocols import Encoder


@dataclass(frozen=True, eq=False)
class EnsembleHead:
    """Linear heads of the same classes, whose probabilities are averaged.

    Where all read the same encoder, cut, features and preprocessing, it stands wherever a `LinearHead` does. Others
    call pictures of single cells only, see `cellapp.pipeline.predict_crops`.
    """

    name: str
    members: tuple[LinearHead, ...]  # at least two, all with the classes of the first in its order
    weights: tuple[float, ...]  # of each member, sum 1
    weighting: str  # what decided the weights: "mean", "accuracy" or "f1"
    positive: str
    trained_on: str
    metrics: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    conformal: ConformalLimits | None = None  # of the mean; those of the members do not hold for it
    version: str = "0"

    def __post_init__(self) -> None:
        if len(self.members) < 2 or len(self.weights) != len(self.members):
            raise ModelError(f"ensemble {self.name!r} has {len(self.members)} heads and {len(self.weights)} weights")
        if min(self.weights) < 0 or abs(sum(self.weights) - 1) > 1e-6:
            raise ModelError(f"ensemble {self.name!r}: weights must be positive and sum to 1; got {self.weights}")
        for member in self.members:
            if member.classes != self.classes:
                raise ModelError(
                    f"ensemble {self.name!r}: {member.name!r} knows {', '.join(member.classes)}, and "
                    f"{self.members[0].name!r} {', '.join(self.classes)}; take heads of the same classes"
                )

    @property
    def identity(self) -> str:
        """Name and version as written into results."""
        return f"{self.name}@{self.version}"

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, K."""
        return self.members[0].classes

    @property
    def encoder(self) -> str:
        """The "name@revision" of the encoder; of several, that of the first member."""
        return self.members[0].encoder

    @property
    def encoder_name(self) -> str:
        """Name of that encoder without its revision."""
        return self.members[0].encoder_name

    @property
    def own_encoder(self) -> OwnEncoder | None:
        """That encoder, where the first member brings it with it."""
        return self.members[0].own_encoder

    @property
    def crop(self) -> CropSettings:
        """How cells are cut."""
        return self.members[0].crop

    @property
    def preprocess(self) -> PreprocessSettings:
        """The chain applied before encoding."""
        return self.members[0].preprocess

    @property
    def reads(self) -> FeatureSettings:
        """Features of a cell that are read."""
        return self.members[0].reads

    @property
    def vectors(self) -> VectorSettings:
        """How the vectors are made that it reads."""
        return self.members[0].vectors

    @property
    def dim(self) -> int:
        """Embedding dimension D."""
        return self.members[0].dim

    @property
    def calibrated(self) -> bool:
        """Whether every member is calibrated."""
        return all(member.calibrated for member in self.members)

    @property
    def demonstration(self) -> str:
        """What a member that is only for show was trained on; "" where none is."""
        return next((member.demonstration for member in self.members if member.demonstration), "")

    @property
    def reads_alike(self) -> bool:
        """Whether all members read the same vectors."""
        return len({reading_of(member) for member in self.members}) == 1

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """Return class probabilities, (N, K) float64, of features (N, F) that all members read."""
        return self.combine([member.probabilities(features) for member in self.members])

    def scores(self, features: np.ndarray) -> np.ndarray:
        """Return the logarithm of the probabilities, (N, K) float64."""
        return np.log(np.maximum(self.probabilities(features), np.finfo(float).tiny))

    def is_unlike(self, features: np.ndarray) -> np.ndarray:
        """Say which cells are unlike the training cells, (N,) bool: by members of more than half the weight."""
        return self.combine([member.is_unlike(features) for member in self.members]) > 0.5

    def combine(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        """Return the weighted mean of one array per member, in their order."""
        return np.tensordot(np.asarray(self.weights), np.asarray(parts, float), axes=1)

    def contrast(self, target: str) -> tuple[np.ndarray, float]:
        """Return the weighted mean of what the members say of a class, see `LinearHead.contrast`.

        The logarithm of a mean of probabilities is no sum over a picture; the mean of the logits is, and it is what
        maps of an ensemble add up to.
        """
        weights, biases = zip(*(member.contrast(target) for member in self.members), strict=True)
        return self.combine(weights), float(self.combine(biases))

    def check_encoder(self, encoder: Encoder) -> None:
        """Raise ModelError unless this is the encoder that all members read."""
        self._require_alike()
        self.members[0].check_encoder(encoder)

    def check(self, embeddings: Embeddings) -> None:
        """Raise ModelError unless all members read these embeddings."""
        self._require_alike()
        self.members[0].check(embeddings)

    @property
    def only_on_slides(self) -> str | None:
        """Return why a member reads no crops; None where all read crops."""
        return next((member.only_on_slides for member in self.members if member.only_on_slides), None)

    def check_reads_crops(self) -> None:
        """Raise ModelError unless all members read crops, one cell each."""
        if self.only_on_slides:
            raise ModelError(self.only_on_slides)

    def _require_alike(self) -> None:
        if not self.reads_alike:
            raise ModelError(
                f"the heads of ensemble {self.name!r} read different encoders, cuts, features or preprocessing: it "
                "calls pictures of single cells (`python -m cellapp predict`); for slides, make one of heads that "
                "read alike"
            )


Head = LinearHead | EnsembleHead
"""Whatever turns vectors into classes."""


def arranged(head: LinearHead, classes: tuple[str, ...]) -> LinearHead:
    """Return a head with its classes in another order."""
    rows = [head.classes.index(name) for name in classes]
    novelty, limits = replace(head.novelty, means=head.novelty.means[rows]), head.conformal
    limits = limits and replace(limits, limits=limits.limits[:, rows])
    parts = {"weight": head.weight[rows], "bias": head.bias[rows], "novelty": novelty, "conformal": limits}
    return replace(head, classes=classes, **parts)


def reading_of(head: LinearHead) -> tuple[str, ...]:
    """Return what decides the vectors a head reads: encoder, cut, preprocessing and features."""
    return (head.encoder, *(part.model_dump_json() for part in (head.crop, head.preprocess, head.reads)))
