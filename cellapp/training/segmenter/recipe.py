"""The recipe of a segmentation network: a TOML file that decides the weights together with the data."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cellapp.segmentation.flow_unet import NetworkSettings
from cellapp.settings import FrozenModel
from cellapp.training.segmenter.source_images import Kind


class SegmenterRecipe(FrozenModel):
    """Everything that decides the weights besides the data; the file ``recipe.toml``."""

    name: str = "compact"
    block: Literal["residual", "separable"] = "residual"
    widths: tuple[int, ...] = (32, 64, 128, 224)
    blocks: int = Field(1, ge=1)
    stride: Literal[1, 2] = 2
    style: bool = False
    steps: int = Field(2500, ge=1)
    batch: int = Field(8, ge=1)
    crop_px: int = Field(176, ge=32)
    learning_rate: float = Field(2e-3, gt=0)
    weight_decay: float = Field(0.01, ge=0)
    warm_up: float = Field(0.04, ge=0, le=1)
    """Share of the steps in which the learning rate rises."""
    cool_down: float = Field(0.4, gt=0, le=1)
    """Share of the steps, at the end, in which it falls to nothing."""
    average: float = Field(0.995, ge=0, lt=1)
    """Weights kept are a moving average with this memory."""
    n_synthetic: int = Field(48, ge=0)
    held_out: float = Field(0.0, ge=0, lt=1)
    """Share of the training images kept back to choose by; see
    `cellapp.training.segmenter.source_images.is_held_out`."""
    shares: dict[Kind, float] = {
        Kind.FLUORESCENCE: 0.38,
        Kind.STAINED: 0.2,
        Kind.BRIGHTFIELD: 0.04,
        Kind.PHASE: 0.2,
        Kind.SYNTHETIC: 0.18,
    }
    """How often crops come from each kind of image."""
    seed: int = 0

    @property
    def network(self) -> NetworkSettings:
        """The shape of the network."""
        return NetworkSettings(self.block, self.widths, self.blocks, self.stride, self.style)
