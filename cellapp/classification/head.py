"""A linear head: class scores as a linear function of a cell's vector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.special import softmax

from cellapp.cells.counts import RESERVED
from cellapp.cells.input_features import measured_names
from cellapp.classification.conformal import ConformalLimits
from cellapp.classification.novelty import NoveltyDetector
from cellapp.classification.own_encoder import OwnEncoder
from cellapp.errors import InputError, ModelError
from cellapp.settings import CropMode, CropSettings, FeatureSettings, PreprocessSettings, VectorSettings
from cellapp.types.cells import Embeddings
from cellapp.types.protocols import Encoder

_CELLS = 1_000  # compared with the training cells at once


@dataclass(frozen=True, eq=False)
class LinearHead:
    """Class scores as a linear function of ``[class token, mean patch token]`` and, by choice, measurements.

    With standardised features ``x = (features - mean) / std`` the calibrated scores are
    ``z = (weight @ x + bias) / temperature`` and the probabilities ``softmax(z)``. A score means something only
    against the scores of the other classes, so "the logit" of a class is everywhere `contrast`: its score minus the
    mean score of the others. For two classes that is the log-odds, ``log(p / (1 - p))``.
    """

    name: str
    weight: np.ndarray  # (K, F) float32, F = 2 D + M, see `Embeddings.features`
    bias: np.ndarray  # (K,) float32
    mean: np.ndarray  # (F,) float32
    std: np.ndarray  # (F,) float32, positive
    classes: tuple[str, ...]
    encoder: str  # "name@revision" of the encoder the features came from
    positive: str
    crop: CropSettings
    preprocess: PreprocessSettings
    trained_on: str  # one sentence for every page that shows a call
    novelty: NoveltyDetector
    temperature: float = 1.0
    calibrated: bool = False
    metrics: Mapping[str, Any] = field(default_factory=dict)
    reads: FeatureSettings = field(default_factory=FeatureSettings)
    training: Mapping[str, Any] = field(default_factory=dict)  # digests of the data, and the seed, as JSON values
    version: str = "0"  # start of the digest of the stored tensors
    demonstration: str = ""  # "trained on synthetic cells" of a head that is only for show
    conformal: ConformalLimits | None = None  # None of heads that were not validated, or made before there were any
    own_encoder: OwnEncoder | None = None  # of a fine-tuned head, which brings its encoder with it

    def __post_init__(self) -> None:
        n_classes, n_features = self.weight.shape
        shapes = {"bias": (n_classes,), "mean": (n_features,), "std": (n_features,)}
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise ModelError(f"head {self.name!r}: {name} has shape {getattr(self, name).shape}; expected {shape}")
        if len(self.classes) != n_classes or len(set(self.classes)) != n_classes or n_classes < 2:
            raise ModelError(f"head {self.name!r} needs {n_classes} different classes, at least 2; got {self.classes}")
        reserved = sorted(set(self.classes) & RESERVED)
        if reserved:
            raise ModelError(f"head {self.name!r}: {reserved[0]!r} is no class, cells are counted under it; rename it")
        if self.positive not in self.classes:
            raise ModelError(f"head {self.name!r}: {self.positive!r} is none of its classes {', '.join(self.classes)}")
        if self.temperature <= 0 or not (self.std > 0).all():
            raise ModelError(
                f"head {self.name!r}: temperature and standard deviations must be positive; train it again"
            )
        self._check_grid()

    @property
    def identity(self) -> str:
        """Name and version as written into results, "demo-head@1a2b3c4d5e6f"."""
        return f"{self.name}@{self.version}"

    @property
    def encoder_name(self) -> str:
        """Name of the encoder without its revision."""
        return self.encoder.rpartition("@")[0] or self.encoder

    @property
    def dim(self) -> int:
        """Embedding dimension D it reads: half of its features, measurements left out."""
        return (self.weight.shape[1] - len(measured_names(self.reads))) // 2

    @property
    def vectors(self) -> VectorSettings:
        """How the vectors are made that it reads."""
        encoder = str(self.own_encoder.folder) if self.own_encoder else self.encoder_name
        return VectorSettings(encoder=encoder, crop=self.crop, preprocess=self.preprocess, reads=self.reads)

    def standardise(self, features: np.ndarray) -> np.ndarray:
        """Scale features, (N, F), by the training mean and standard deviation; float64."""
        scaled = features.astype(np.float64)  # a copy, changed in place: of a slide it takes hundreds of megabytes
        scaled -= self.mean
        scaled /= self.std
        return scaled

    def scores(self, features: np.ndarray) -> np.ndarray:
        """Return calibrated scores z, (N, K) float64, of raw features (N, F)."""
        return (self.standardise(features) @ self.weight.T.astype(np.float64) + self.bias) / self.temperature

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """Return class probabilities, (N, K) float64, of raw features (N, F)."""
        return softmax(self.scores(features), axis=1)

    def is_unlike(self, features: np.ndarray) -> np.ndarray:
        """Say which cells are unlike the training cells, (N,) bool, from raw features (N, F)."""
        parts = np.split(features, range(_CELLS, len(features), _CELLS))  # the same distances, in a third of the time
        distances = [self.novelty.distance(self.standardise(part)) for part in parts]
        return np.concatenate(distances) > self.novelty.limit

    def contrast(self, target: str) -> tuple[np.ndarray, float]:
        """Return the logit of a class as a linear function of features before standardisation.

        Parameters
        ----------
        target : str
            One of `classes`.

        Returns
        -------
        weight : ndarray of shape (F,), float64
        bias : float
            ``features @ weight + bias`` is the calibrated score of `target` minus the mean score of the other classes.

        Raises
        ------
        InputError
            When the head does not know the class.
        """
        if target not in self.classes:
            raise InputError(f"head {self.name!r} has no class {target!r}; it knows {', '.join(self.classes)}")
        signs = np.full(len(self.classes), -1.0 / (len(self.classes) - 1))
        signs[self.classes.index(target)] = 1.0
        weight = (signs @ self.weight.astype(np.float64)) / self.std / self.temperature
        return weight, float(signs @ self.bias / self.temperature - weight @ self.mean)

    def check_encoder(self, encoder: Encoder) -> None:
        """Raise ModelError unless this is the encoder the head was trained on, revision included."""
        self._check_identity(f"{encoder.name}@{encoder.revision}")

    def check(self, embeddings: Embeddings) -> None:
        """Raise ModelError unless this head reads these embeddings."""
        self._check_identity(embeddings.encoder)
        if embeddings.mean_patch.shape[1] != self.dim:
            each = ", of each channel by itself: it was trained on another number of channels"
            raise ModelError(
                f"head {self.name!r} reads {self.dim} dimensions; got {embeddings.mean_patch.shape[1]}"
                f"{each if self.reads.channels_as == 'each' else ''}"
            )
        if embeddings.source == "crops":
            self.check_reads_crops()
        n_measured = 0 if embeddings.measured is None else embeddings.measured.shape[1]
        given = (embeddings.views, n_measured, embeddings.source)
        wanted = (self.reads.views, len(measured_names(self.reads)), self.reads.source)
        if given != wanted:
            raise ModelError(
                f"head {self.name!r} reads {_feature_text(*wanted)}; got {_feature_text(*given)}: "
                "embed as the head reads (encoder.reading(head.reads), or cellapp.encoders.slide_windows for a grid)"
            )

    @property
    def only_on_slides(self) -> str | None:
        """Return why this head reads no crops and has no maps of them; None where it reads crops."""
        if self.reads.source == "crops":
            return None
        return (
            f"head {self.name!r} reads cells where they lie on their slide, for speed: it calls no pictures of single "
            "cells and makes no maps of them; choose a head that reads crops for that"
        )

    def check_reads_crops(self) -> None:
        """Raise ModelError unless this head reads crops, one cell each."""
        if self.only_on_slides:
            raise ModelError(self.only_on_slides)

    def _check_grid(self) -> None:
        plain = self.crop.mode is CropMode.WINDOW and not self.preprocess.align
        if self.reads.source == "grid" and not plain:
            raise ModelError(
                f"head {self.name!r} reads a grid of plain windows; got crops {self.crop.mode.value!r} and align = "
                f"{self.preprocess.align}: train it with crops 'window' and without align"
            )

    def _check_identity(self, encoder: str) -> None:
        if self.own_encoder is not None:  # its name is where the folder lies; its revision is the digest of its weights
            if encoder.rpartition("@")[2] != self.encoder.rpartition("@")[2]:
                raise ModelError(
                    f"head {self.name!r} brings its own encoder {self.encoder} and reads no vectors of {encoder}; "
                    "leave out the choice of an encoder"
                )
        elif encoder != self.encoder:
            raise ModelError(
                f"head {self.name!r} was trained on the encoder {self.encoder}, not on {encoder}; "
                "choose that encoder or a head trained on this one"
            )


def _feature_text(views: int, n_measured: int, source: str) -> str:
    with_them = f"with {n_measured}" if n_measured else "without"
    measured = f"{views} view{'s' if views > 1 else ''} {with_them} measurements"
    return measured if source == "crops" else f"{measured} of a {source} over the slide"
