"""What an analysis starts from: the models of a run, and the image as the user described it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cellapp import loading
from cellapp.classification.head import LinearHead
from cellapp.errors import ModelError
from cellapp.images.channels import assign, with_names
from cellapp.settings import AnalyseSettings, SegmentSettings
from cellapp.types import Encoder, Role, Segmenter, Slide


@dataclass(frozen=True, eq=False)
class Kit:
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


def load_kit(settings: AnalyseSettings, *, device: str = "auto", dtype: str = "auto") -> Kit:
    """Load the models a run names.

    Parameters
    ----------
    settings : AnalyseSettings
    device, dtype : str
        Passed to `cellapp.loading.load`.

    Raises
    ------
    ModelError
        When a model cannot be had, or the head was trained on another encoder than the one named.
    """
    segmenter = loading.load(settings.segment.segmenter, device, dtype)
    if settings.classify.head is None:
        return Kit(segmenter)
    head = loading.load(settings.classify.head, device, dtype)
    encoder = loading.load(settings.classify.encoder or head.encoder.split("@")[0], device, dtype)
    head.check_encoder(encoder)
    return Kit(segmenter, encoder.reading(head.reads), head)


def load_kit_to_explain(settings: AnalyseSettings, *, device: str = "auto", dtype: str = "auto") -> Kit:
    """Load encoder and head of a run whose cells are found already.

    Explaining segments nothing, so the segmenter without weights takes the place of the run's own, which may be large
    and may be missing. Parameters and errors are those of `load_kit`.
    """
    without_weights = SegmentSettings(segmenter="classical")
    return load_kit(settings.model_copy(update={"segment": without_weights}), device=device, dtype=dtype)


def describe(slide: Slide, settings: AnalyseSettings) -> tuple[Slide, tuple[Role, ...], float | None]:
    """Apply the user's channel names, roles and pixel size to a slide.

    Returns
    -------
    slide : Slide
        With channel names as declared.
    roles : tuple of Role
    um_per_px : float or None
        Typed in, else from the file, else unknown.
    """
    names, roles = assign(slide.info, settings.channels)
    um_per_px = settings.um_per_px or slide.info.um_per_px
    named = with_names(slide, names)
    return replace(named, info=replace(named.info, um_per_px=um_per_px)), roles, um_per_px
