"""Settings of an analysis with their defaults; forms, command line and API are made from them.

`AnalyseSettings` is written to ``run.json`` and reproduces the run. Folders, limits and hardware are in
`cellapp.config`. What numbers may be on a certain image is decided in `cellapp.images.settings_fit`.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from cellapp.settings.base import LARGEST_SEED, FrozenModel, Seed
from cellapp.settings.explain import LAYERED, ExplainMethod, ExplainSettings
from cellapp.settings.vectors import (
    DEFAULT_ENCODER,
    PREPROCESS_STEPS,
    CropMode,
    CropSettings,
    FeatureSettings,
    PreprocessSettings,
    VectorSettings,
)

__all__ = [
    "DEFAULT_ENCODER",
    "IMPORTED",
    "LARGEST_SEED",
    "LAYERED",
    "OF_MASKS",
    "PREPROCESS_STEPS",
    "THRESHOLDS",
    "AnalyseSettings",
    "ClassifySettings",
    "CropMode",
    "CropSettings",
    "ExplainMethod",
    "ExplainSettings",
    "FeatureSettings",
    "FrozenModel",
    "PreprocessSettings",
    "QualitySettings",
    "Seed",
    "SegmentSettings",
    "VectorSettings",
]


IMPORTED = "imported"
"""In place of a segmenter's name where the labels of a run came from files."""


class SegmentSettings(FrozenModel):
    """Segmentation parameters by the names of the field."""

    segmenter: str = "compact"
    """Name in models/registry.toml, or the path of a fine-tuned Cellpose file."""
    diameter: float | None = Field(None, gt=0)
    """Expected cell diameter in `diameter_unit`; None estimates it from the image."""
    diameter_unit: Literal["px", "um"] = "px"
    flow_threshold: float = Field(0.4, ge=0, le=10)
    """Cellpose: largest error between a mask's flows and the network's; 0 switches the check off."""
    cellprob_threshold: float = Field(0.0, ge=-6, le=6)
    """Cellpose: cell probability (logit) below which a pixel is background; for classical, shifts the threshold."""
    min_size_px: int = Field(20, ge=0)
    """Masks of fewer pixels are dropped."""
    method: Literal["otsu", "local", "iterative"] = "otsu"
    """Classical only: global Otsu, local mean threshold, or the iterative Otsu and Canny mask (confluency)."""
    tile_px: int = Field(2048, ge=256)
    """Larger images are segmented in tiles of at most this side, which overlap by two cell diameters each way."""
    dynamics: Literal["fast", "cellpose"] = "fast"
    """Cellpose: who makes masks of flows; "cellpose" is the library itself, for the same masks in more time."""
    second_look: bool = True
    """Look at some cells again, turned round and smaller, and say how far the outlines can be relied on."""


THRESHOLDS = ("flow_threshold", "cellprob_threshold", "min_size_px")
"""Thresholds among the fields of `OF_MASKS`, which a page offers."""
OF_MASKS = (*THRESHOLDS, "dynamics")
"""Fields of `SegmentSettings` that change masks, but neither flows nor the `SlideParameters`."""


class QualitySettings(FrozenModel):
    """Which cells are too poor to classify; each rule can be switched off and each rejected cell keeps its reason."""

    border: bool = True
    """Reject cells that touch the edge of the image: half a cell looks like a small one."""
    published: bool = False
    """The rule of JC-Cell-Pipeline: crop area and share of non-zero pixels on the crop's perimeter."""
    published_small_px: int = 75
    published_large_px: int = 100
    published_perimeter_small: float = Field(0.12, ge=0, le=1)
    published_perimeter_large: float = Field(0.16, ge=0, le=1)
    debris: bool = True
    """Reject objects far smaller than the image's median cell."""
    debris_area_ratio: float = Field(0.15, ge=0, le=1)
    blur: bool = False
    """Reject cells whose sharpness (variance of the Laplacian over intensity) is far below the image's median."""
    blur_ratio: float = Field(0.1, ge=0, le=1)


class ClassifySettings(FrozenModel):
    """Which encoder and head say what a cell is."""

    encoder: str | None = None
    """None takes the encoder the head was trained on; any other must be that one."""
    head: str | None = "demo-head"
    """Name in models/registry.toml, "name@version" of a head of the project, or the folder of a trained head; None
    counts cells without classes."""
    threshold: float = Field(0.5, gt=0, lt=1)
    """Probability of the positive class from which a cell is called positive (two classes only)."""
    unsure_margin: float = Field(0.2, ge=0, le=1)
    """Cells whose two best probabilities are closer than this are unsure."""
    unsure: Literal["margin", "conformal"] = "margin"
    """Margin, or conformal: a cell is unsure unless its class is the only possible one at the error rate."""
    error_rate: float = Field(0.1, ge=0.01, le=0.5)
    """Conformal: at most this share of the cells of each class has a set of possible classes without it."""


class AnalyseSettings(FrozenModel):
    """One run, whole: the same settings, input and weights give the same files."""

    channels: dict[str, int] = Field(default_factory=dict)
    """Role or new channel name -> 1-based channel number, or empty for guessing by name."""
    um_per_px: float | None = Field(None, gt=0)
    """Pixel size when the file has none, or to correct it."""
    preprocess: PreprocessSettings = PreprocessSettings()
    segment: SegmentSettings = SegmentSettings()
    crop: CropSettings = CropSettings()
    quality: QualitySettings = QualitySettings()
    classify: ClassifySettings = ClassifySettings()
    explain: ExplainSettings = ExplainSettings()
    describe: bool = False
    """Add descriptors of cytoskeleton and nucleus to the cell table, see `cellapp.cells.describe_cells`."""
    draw_crops: bool = True
    """Write crops.zip in the run, about an eighth of its time; it can be made later, with the same bytes."""
    seed: Seed = 0

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out a choice that is later than 0.1.0 unless it is made, so that runs keep their digest."""
        unmade = (("describe", False), ("draw_crops", True))
        return {name: value for name, value in handler(self).items() if (name, value) not in unmade}
