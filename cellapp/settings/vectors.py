"""How cells become vectors: what is done to pixels, how cells are cut, and what an encoder or a head reads of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from cellapp.settings.base import FrozenModel

DEFAULT_ENCODER = "cell-vit"
"""The bundled encoder, for vectors and for training heads; `ClassifySettings.encoder` follows the head."""


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


PREPROCESS_STEPS: Mapping[str, tuple[str, ...]] = {
    "clip": ("clip_low", "clip_high"),
    "normalise": (),
    "clahe": ("clahe_clip",),
    "denoise": ("denoise_weight",),
    "align": (),
}
"""The switches of `PreprocessSettings` in the order of the chain, each with the numbers that count while it is on."""


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
