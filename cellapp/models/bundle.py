"""The models of a run, loaded together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cellapp.classification.own_encoder import FOLDER as OWN_ENCODER
from cellapp.classification.predict import check_unsure
from cellapp.errors import ModelError
from cellapp.models.checksums import weight_digests
from cellapp.models.kept import load_shared_encoder, load_shared_model
from cellapp.models.load import load_model
from cellapp.settings import AnalyseSettings, SegmentSettings, VectorSettings
from cellapp.types.protocols import Encoder, Segmenter

if TYPE_CHECKING:
    from cellapp.classification.ensemble import Head


@dataclass(frozen=True, eq=False)
class RunModels:
    """The models of one run, with the digests of the files they were loaded from."""

    segmenter: Segmenter
    encoder: Encoder | None = None
    head: Head | None = None
    weights: Mapping[str, str] = field(default_factory=dict)  # "model/file" -> sha256, as run.json has them
    without_head: VectorSettings | None = None  # how vectors are made where no head says it

    @property
    def vectors(self) -> VectorSettings | None:
        """How vectors are made: as the head reads them; None where none are made."""
        return self.head.vectors if self.head else self.without_head

    def to_explain(self) -> tuple[Encoder, Head]:
        """Return encoder and head.

        Raises
        ------
        ModelError
            When the run counted cells without classes, or the head has no crops to explain.
        """
        if self.encoder is None or self.head is None:
            raise ModelError(
                "explaining needs a head; this run counted cells without classes: choose a head and run again"
            )
        self.head.check_reads_crops()
        return self.encoder, self.head


def load_run_models(settings: AnalyseSettings, *, device: str = "auto", dtype: str = "auto") -> RunModels:
    """Load the models a run names.

    Parameters
    ----------
    settings : AnalyseSettings
    device, dtype : str
        See `cellapp.models.load.load_model`.

    Raises
    ------
    ModelError
        When a model cannot be had, or the head was trained on another encoder than the one named.
    InputError
        When the head does not know the class that maps are asked for.
    """
    names = [settings.segment.segmenter]
    segmenter = load_shared_model(names[0], device, dtype, kind="segmenter")
    if settings.classify.head is None:
        return RunModels(segmenter, weights=weights_of(names))
    head = load_model(settings.classify.head, device, dtype, "head")
    check_unsure(head, settings.classify)
    if settings.explain.n and settings.explain.target is not None:
        head.contrast(settings.explain.target)  # refuses a class that it does not know
    names.append(settings.classify.head)
    encoder = _encoder_of(head, settings.classify.encoder, device, dtype)
    weights = weights_of(names) | _weights_of_encoder(head, settings)
    return RunModels(segmenter, encoder.reading(head.reads), head, weights)


def load_models_to_explain(settings: AnalyseSettings, *, device: str = "auto", dtype: str = "auto") -> RunModels:
    """Load encoder and head of a run whose cells are segmented already.

    The segmenter without weights stands in for the run's own, which may be large and may be missing. Parameters and
    errors are those of `load_run_models`.
    """
    without_weights = SegmentSettings(segmenter="classical")
    return load_run_models(settings.model_copy(update={"segment": without_weights}), device=device, dtype=dtype)


def load_models_to_embed(vectors: VectorSettings) -> RunModels:
    """Load the encoder of `vectors`, for cells that are segmented already; parameters and errors as above."""
    segmenter, encoder = load_shared_model("classical"), load_shared_model(vectors.encoder, kind="encoder")
    return RunModels(segmenter, encoder.reading(vectors.reads), without_head=vectors)


def _encoder_of(head: Head, named: str | None, device: str, dtype: str) -> Encoder:
    """Load the encoder that was named, if it is the head's, or else the head's."""
    if named is None:
        return load_shared_encoder(head, device, dtype)
    encoder = load_shared_model(named, device, dtype, kind="encoder")
    head.check_encoder(encoder)
    return encoder


def _weights_of_encoder(head: Head, settings: AnalyseSettings) -> dict[str, str]:
    if settings.classify.encoder is None and head.own_encoder is not None:
        files = head.own_encoder.files.items()
        return {f"{settings.classify.head}/{OWN_ENCODER}/{file}": digest for file, digest in files}
    return weights_of([settings.classify.encoder or head.encoder_name])


def weights_of(names: Sequence[str]) -> dict[str, str]:
    """Return the digests of the files of some models, "model/file" -> sha256, as run.json has them."""
    return {f"{name}/{file}": digest for name in names for file, digest in weight_digests(name).items()}
