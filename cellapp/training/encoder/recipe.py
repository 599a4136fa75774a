"""The recipe of an encoder: a TOML file that, with the pictures, decides its weights."""

from __future__ import annotations

from typing import Any, Literal

import tomli_w
from pydantic import Field

from cellapp.settings import FrozenModel, Seed


class Network(FrozenModel):
    """Shape of the vision transformer, by the names of its ``config.json``."""

    model_type: Literal["dinov2", "dinov2_with_registers"] = "dinov2_with_registers"
    hidden_size: int = Field(320, ge=8)
    num_hidden_layers: int = Field(4, ge=1)
    num_attention_heads: int = Field(5, ge=1)
    mlp_ratio: int = Field(4, ge=1)
    image_size: int = Field(64, ge=8)
    patch_size: int = Field(8, ge=1)
    num_register_tokens: int = Field(4, ge=0)

    @property
    def config(self) -> dict[str, Any]:
        """Content of ``config.json``."""
        config = self.model_dump()
        if self.model_type == "dinov2":
            del config["num_register_tokens"]
        return config

    @property
    def n_prefix(self) -> int:
        """Tokens before those of the patches: class token, then registers."""
        return 1 + int(self.config.get("num_register_tokens", 0))


class Views(FrozenModel):
    """Augmented views of a crop: how many, and how they differ."""

    global_px: int = Field(48, ge=8)
    """Side of a global view; smaller than what the encoder reads costs less, and its area keeps the scale."""
    final_share: float = Field(0.15, ge=0, le=1)
    """Share of the steps, at the end, in which global views have the encoder's own side."""
    n_local: int = Field(3, ge=0)
    local_px: int = Field(24, ge=8)
    global_area: tuple[float, float] = (0.35, 1.0)
    """Share of the crop's area that a global view shows."""
    local_area: tuple[float, float] = (0.08, 0.35)
    masked: float = Field(0.5, ge=0, le=1)
    """Share of views in which all but the cell is black, as in the crops of `analyse`."""
    drop_plane: float = Field(0.2, ge=0, le=1)
    """Share of crops that lose one plane, the same one in all their views; never the last one with any signal."""
    borrow: float = Field(0.4, ge=0, le=1)
    """Share of planes of crops of one channel that are replaced by another such crop's."""
    permute: float = Field(0.5, ge=0, le=1)
    """Share of crops whose planes are permuted, the same way in all their views."""


class Objective(FrozenModel):
    """Weights and settings of the losses."""

    prototypes: int = Field(256, ge=2)
    student_temperature: float = Field(0.1, gt=0)
    teacher_temperature: float = Field(0.05, gt=0)
    distil: float = Field(1.0, ge=0)
    """DINO: the student's class token predicts the teacher's of another view."""
    masked_patches: float = Field(0.5, ge=0)
    """iBOT: a masked patch token predicts the teacher's, which is not masked."""
    spread: float = Field(0.1, ge=0)
    """KoLeo: penalty on class tokens of a batch that are close to each other."""
    textures: float = Field(1.0, ge=0)
    """MaskFeat: a patch token, masked or not, predicts pixels and texture of its patch."""
    portrait: float = Field(1.0, ge=0)
    """[class token, mean patch token] predict a classical profile of the whole view."""
    mask_share: tuple[float, float] = (0.15, 0.45)
    """Share of patches masked in a global view; half of the views are not masked."""


class Schedule(FrozenModel):
    """Steps, learning rate and teacher momentum."""

    steps: int = Field(1500, ge=1)
    batch: int = Field(32, ge=2)
    learning_rate: float = Field(1e-3, gt=0)
    weight_decay: float = Field(0.05, ge=0)
    warm_up: int = Field(60, ge=1)
    """Steps in which the learning rate rises."""
    cool_down: float = Field(0.4, gt=0, le=1)
    """Share of the steps, at the end, in which it falls to 0 and the momentum rises to 1."""
    momentum: float = Field(0.99, ge=0, le=1)
    """Momentum of the teacher before that."""
    curve_every: int = Field(200, ge=1)
    """Steps between two points of the curves."""
    seed: Seed = 0

    def learning_rate_at(self, step: int) -> float:
        """Return the learning rate of a step: linear warm-up, constant, linear cool-down.

        It is constant in between, so that a run may be lengthened before its cool-down begins.
        """
        return self.learning_rate * min(1.0, (step + 1) / self.warm_up, self._cool_down_at(step))

    def momentum_at(self, step: int) -> float:
        """Return the teacher's momentum at a step: constant, then up to 1 as the learning rate falls."""
        return 1 - (1 - self.momentum) * self._cool_down_at(step)

    def _cool_down_at(self, step: int) -> float:
        """1 before the cool-down, then the share of it that is left."""
        return min(1.0, (1 - step / self.steps) / self.cool_down)


class Source(FrozenModel):
    """Where crops come from."""

    name: str
    kind: Literal["labelled", "fields", "cells", "synthetic"]
    """Images with label images; images to be segmented; pictures of one cell each; synthetic slides."""
    folder: str = ""
    pictures: tuple[tuple[str, ...], ...] = ()
    """Patterns in the folder; one image is made of one file of each pattern of a group, in sorted order."""
    split: str = "train"
    per_image: int = Field(40, ge=1)
    """Cells cut from one image at most."""
    n_slides: int = Field(0, ge=0)
    share: float = Field(1.0, gt=0)
    """How often crops are drawn from here."""


class PretrainRecipe(FrozenModel):
    """Everything but the pictures that decides the weights; the file ``recipe.toml``."""

    name: str = "encoder"
    network: Network = Network()
    views: Views = Views()
    objective: Objective = Objective()
    schedule: Schedule = Schedule()
    mean: tuple[float, float, float] = (0.25, 0.25, 0.25)
    std: tuple[float, float, float] = (0.25, 0.25, 0.25)
    """The three planes, 0 to 1, are standardised with these."""
    held_out: float = Field(0.1, gt=0, lt=1)
    """Share of the images that are held out for the kNN curve."""
    sources: tuple[Source, ...] = ()

    @property
    def toml(self) -> str:
        """The recipe, every value of it, as it is written beside the encoder."""
        return tomli_w.dumps(self.model_dump(mode="json"))
