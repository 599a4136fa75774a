"""Settings of an analysis with their defaults; forms, command line and API are made from them.

`AnalyseSettings` is written to ``run.json`` and reproduces the run. Folders, limits and hardware are in
`cellapp.config`. What numbers may be on a certain image is decided in `cellapp.images.settings_fit`.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

DEFAULT_ENCODER = "cell-vit"
"""The bundled encoder, for vectors and for training heads; `ClassifySettings.encoder` follows the head."""


class FrozenModel(BaseModel):
    """Base of settings and recipes: immutable; unknown fields and numbers that are not finite are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)


class PreprocessSettings(FrozenModel):
    """The chain applied to pixels before segmentation and classification, in this order; measurements use raw ones."""

    clip: bool = True
    """Clip each channel to percentiles of the slide and scale to 0..1."""
    clip_low: float = Field(0.2, ge=0, lt=100)
    clip_high: float = Field(99.8, gt=0, le=100)
    normalise: bool = True
    """Scale each channel to 0..1 by its slide minimum and maximum (after clipping: by the clip limits)."""
    clahe: bool = False
    """Contrast-limited adaptive histogram equalisation (Zuiderveld 1994), on a grid of 8 x 8 fields of the slide."""
    clahe_clip: float = Field(0.02, gt=0, le=1)
    denoise: bool = False
    """Total-variation denoising (Chambolle 2004, `skimage.restoration.denoise_tv_chambolle`)."""
    denoise_weight: float = Field(0.1, gt=0, le=1)
    align: bool = False
    """Turn crops so that the dominant direction of the image (Canny edges, Hough lines) is horizontal."""

    @model_validator(mode="after")
    def _ordered(self) -> PreprocessSettings:
        if self.clip_low >= self.clip_high:
            raise ValueError(f"clip_low must be below clip_high; got {self.clip_low} and {self.clip_high}")
        return self


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
    min_size_px: int = Field(15, ge=0)
    """Masks of fewer pixels are dropped."""
    method: Literal["otsu", "local", "iterative"] = "otsu"
    """Classical only: global Otsu, local mean threshold, or the iterative Otsu and Canny mask (confluency)."""
    tile_px: int = Field(2048, ge=256)
    """Larger images are segmented in tiles of at most this side, which overlap by two cell diameters each way."""


THRESHOLDS = ("flow_threshold", "cellprob_threshold", "min_size_px")
"""Fields of `SegmentSettings` that change masks, but neither flows nor the `SlideParameters`."""


class CropMode(StrEnum):
    """How a cell is cut out."""

    MASKED = "masked"  # tight bounding box, background zeroed
    PADDED = "padded"  # background zeroed, native scale, centred on zeros, side = `size_px`
    LETTERBOXED = "letterboxed"  # the masked crop scaled to fit `size_px`, aspect kept, rest zeros
    WINDOW = "window"  # plain square window around the bounding box's centre, neighbours and background visible


class CropSettings(FrozenModel):
    """How crops for download are cut; crops for the encoder follow the head."""

    mode: CropMode = CropMode.WINDOW
    size_px: int = Field(96, ge=8, le=1024)
    drop_channels: tuple[str, ...] = ()
    """Channel names set to zero, for example the nucleus."""


class FeatureSettings(FrozenModel):
    """The features a head reads, besides how cells are cut and preprocessed; part of a head, never of a run."""

    fit_to: Literal["slide", "crop"] = "slide"
    """Whose intensities the preprocessing chain is fitted to: the slide's, or those of each crop by itself, which is
    all that is known of a folder of single-cell pictures."""
    views: Literal[1, 8] = 1
    """8 averages the vectors of all turned and mirrored views, because a cell on a slide has no upright; it costs eight
    passes through the encoder."""
    shape: bool = False
    """Read the measurements of `cellapp.cells.crop_features` beside the encoder's vectors."""
    cytoskeleton: bool = False
    """Read the descriptors of `cellapp.cells.cytoskeleton` beside the encoder's vectors; some 50 ms a cell."""
    source: Literal["crops", "grid"] = "crops"
    """"grid" has the encoder read the slide once, window by window, and pools the patches each cell covers, see
    `cellapp.encoders.slide_windows`: the more crowded the cells, the fewer windows than crops; maps of
    single cells cannot be made."""

    channels_as: Literal["roles", "each"] = "roles"
    """What the encoder's three planes show: channels by their roles, or each channel by itself in all three, one pass
    for each, with the vectors joined: no stain is averaged away, and any number of channels is read."""

    @model_validator(mode="after")
    def _possible(self) -> FeatureSettings:
        if self.channels_as == "each" and (self.source == "grid" or self.shape or self.cytoskeleton):
            raise ValueError("channels_as 'each' needs source = 'crops', shape = False and cytoskeleton = False")
        asked = (self.fit_to, self.views, self.shape, self.cytoskeleton)
        if self.source == "grid" and asked != ("slide", 1, False, False):
            raise ValueError(
                "a head that reads a grid over the slide needs fit_to = 'slide', views = 1 and vectors alone"
            )
        return self

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out a choice that is later than 0.1.0 unless it is made, so that heads and vectors keep their keys."""
        later = (("channels_as", "roles"), ("cytoskeleton", False))
        return {name: value for name, value in handler(self).items() if (name, value) not in later}


class VectorSettings(FrozenModel):
    """How cells become vectors. The default is what the head that ships reads, so that nothing is encoded twice."""

    encoder: str = DEFAULT_ENCODER
    """Name in models/registry.toml, or an encoder's folder."""
    crop: CropSettings = CropSettings(mode=CropMode.LETTERBOXED, size_px=64)
    preprocess: PreprocessSettings = PreprocessSettings()
    reads: FeatureSettings = FeatureSettings()

    @property
    def key(self) -> str:
        """12 hexadecimal digits that are equal exactly when the settings are."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:12]


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


ExplainMethod = Literal[
    "exact",
    "hirescam",
    "gradcam",
    "gradcam++",
    "xgradcam",
    "layercam",
    "eigencam",
    "elementwise",
    "class-token",
    "integrated-gradients",
    "guided-backpropagation",
    "rollout",
    "occlusion",
]
LAYERED = ("hirescam", "gradcam", "gradcam++", "xgradcam", "layercam", "eigencam", "elementwise")
"""Methods that read activations of a layer, which can be chosen."""


class ExplainSettings(FrozenModel):
    """How many and which cells are explained."""

    n: int = Field(0, ge=0)
    """Cells per image: the surest of each class and the least sure, in turn."""
    target: str | None = None
    """Class to explain; None takes each run's positive class."""
    method: ExplainMethod | None = None
    """How maps are made: "exact" is HiResCAM in closed form, at the cost of encoding. None takes the method measured
    most faithful to the head, see `cellapp.pipeline.explain_method`, and "exact" where none was measured."""
    layer: int | None = Field(None, ge=0)
    """Where activations are read: 0 or None the final norm, 1 the first norm of the last block, and so on."""
    by_default: bool = False
    """Whether nobody named the method: what is made of the run later may then take one measured since."""

    @model_validator(mode="before")
    @classmethod
    def _drop_layer(cls, content: Any) -> Any:
        """Accept settings of version 0.1.0, which named the only layer there was."""
        if isinstance(content, dict) and content.get("layer") == "final":
            return {key: value for key, value in content.items() if key != "layer"}
        return content

    @model_validator(mode="after")
    def _has_layers(self) -> ExplainSettings:
        if self.layer is not None and self.method not in LAYERED:
            named = self.method or "a method that is not named"
            raise ValueError(f"{named} reads no layer; leave layer out, or take one of {', '.join(LAYERED)}")
        return self

    @property
    def named(self) -> str:
        """The method, "exact" where it is left open."""
        return self.method or "exact"


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
    seed: int = 0

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out a choice that is later than 0.1.0 unless it is made, so that runs keep their digest."""
        return {name: value for name, value in handler(self).items() if (name, value) != ("describe", False)}
