"""What an analysis starts from: the models of a run, and the image as the user described it."""

from __future__ import annotations

from dataclasses import dataclass

from cellapp.classification.head import LinearHead
from cellapp.errors import ModelError
from cellapp.models import load
from cellapp.settings import AnalyseSettings, SegmentSettings
from cellapp.types.protocols import Encoder, Segmenter


@dataclass(frozen=True, eq=False)
class RunModels:
    """The models of one run, loaded once by whoever runs it."""

    segmenter: Segmenter
    encoder: Encoder | None = None
    head: LinearHead | None = None

    def to_explain(self) -> tuple[Encoder, LinearHead]:
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
        Passed to `cellapp.models.load.load`.

    Raises
    ------
    ModelError
        When a model cannot be had, or the head was trained on another encoder than the one named.
    """
    segmenter = load.load(settings.segment.segmenter, device, dtype)
    if settings.classify.head is None:
        return RunModels(segmenter)
    head = load.load(settings.classify.head, device, dtype)
    encoder = load.load(settings.classify.encoder or head.encoder.split("@")[0], device, dtype)
    head.check_encoder(encoder)
    return RunModels(segmenter, encoder.reading(head.reads), head)


def load_models_to_explain(settings: AnalyseSettings, *, device: str = "auto", dtype: str = "auto") -> RunModels:
    """Load encoder and head of a run whose cells are found already.

    Explaining segments nothing, so the segmenter without weights takes the place of the run's own, which may be large
    and may be missing. Parameters and errors are those of `load_run_models`.
    """
    without_weights = SegmentSettings(segmenter="classical")
    return load_run_models(settings.model_copy(update={"segment": without_weights}), device=device, dtype=dtype)
