"""The recipe of a segmentation network: a TOML file that, with the data, decides its weights."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cellapp.segmentation.flow_unet import NetworkSettings
from cellapp.settings import FrozenModel, Seed
from cellapp.training.segmenter.labelled_image import Kind


class SegmenterRecipe(FrozenModel):
    """Everything but the data that decides the weights; the file ``recipe.toml``."""

    name: str = "compact"
    block: Literal["residual", "separable"] = "residual"
    widths: tuple[int, ...] = (32, 64, 128, 224)
    blocks: int = Field(1, ge=1)
    stride: Literal[1, 2] = 2
    style: bool = False
    head: Literal["flows", "foreground"] = "flows"
    """Flows, which Cellpose's dynamics make cells of; or the foreground alone, which a watershed divides."""
    dice_weight: float = Field(0.5, ge=0)
    """Of the Dice loss beside cross-entropy, where the head is "foreground"."""
    steps: int = Field(2500, ge=1)
    batch: int = Field(8, ge=1)
    crop_px: int = Field(176, ge=32)
    learning_rate: float = Field(2e-3, gt=0)
    weight_decay: float = Field(0.01, ge=0)
    warm_up: float = Field(0.04, ge=0, le=1)
    """Share of the steps in which the learning rate rises."""
    cool_down: float = Field(0.4, gt=0, le=1)
    """Share of the steps, at the end, in which it falls to 0."""
    average: float = Field(0.995, ge=0, lt=1)
    """Decay of the moving average of the weights, which is what is written."""
    n_synthetic: int = Field(48, ge=0)
    n_label_free: int = Field(0, ge=0)
    """Images of each kind that an optical model draws; see `cellapp.synthetic.label_free`."""
    held_out: float = Field(0.0, ge=0, lt=1)
    """Share of the training images held out for the choice of settings; see
    `cellapp.training.segmenter.split.is_held_out`."""
    shares: dict[Kind, float] = {
        Kind.FLUORESCENCE: 0.38,
        Kind.STAINED: 0.2,
        Kind.BRIGHTFIELD: 0.04,
        Kind.PHASE: 0.2,
        Kind.SYNTHETIC: 0.18,
    }
    """How often crops come from each kind of image."""
    seed: Seed = 0

    @property
    def network(self) -> NetworkSettings:
        """The shape of the network."""
        return NetworkSettings(self.block, self.widths, self.blocks, self.stride, self.style, self.head)

    def learning_rate_at(self, step: int) -> float:
        """Return the learning rate of a step: linear warm-up, constant, linear cool-down."""
        done = step / self.steps
        warm_up = min(1.0, (done + 1e-3) / max(self.warm_up, 1e-3))
        return self.learning_rate * min(warm_up, (1 - done) / self.cool_down)

    def average_decay_at(self, step: int) -> float:
        """Return the decay of the moving average after a step; the first steps count less, as the weights move fast."""
        return min(self.average, step / (step + 10))
