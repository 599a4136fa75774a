"""The recipe of a head: a TOML file that, with the pictures, decides its weights."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import tomli_w
from pydantic import Field, model_validator

from cellapp.settings import DEFAULT_ENCODER, CropMode, FeatureSettings, FrozenModel, PreprocessSettings, Seed
from cellapp.training.classifier.batch_effects import BatchEffects, BatchMethod
from cellapp.training.classifier.early_stopping import StopBy
from cellapp.training.classifier.logistic_regression import STRENGTHS
from cellapp.training.classifier.resampling import Balance, Resample

_LATER = ("mode", "channels_as", "resample", "class_weights", "batch_effects", "control", "keep_folds", "grid")
"""Fields that are later than version 0.1.0, whose recipes stay as they are."""


class Augmentation(FrozenModel):
    """How far training crops are changed at random; the defaults of position are those of JC-Cell-Pipeline."""

    flips: bool = True
    rotation_deg: float = Field(40, ge=0, le=180)
    affine_deg: float = Field(40, ge=0, le=180)
    """A second rotation, drawn with shift, shear and scale."""
    translate: float = Field(0.1, ge=0, le=1)
    """Largest shift as a share of the side."""
    shear_deg: float = Field(8, ge=0, lt=45)
    scale: float = Field(0.1, ge=0, lt=1)
    brightness: float = Field(0.2, ge=0, lt=1)
    """Largest change of all planes together, as a share."""
    channels: float = Field(0.1, ge=0, lt=1)
    """Largest change of each plane by itself, as a share."""


class FineTuning(FrozenModel):
    """How the last blocks of an encoder are trained together with the head."""

    blocks: int = Field(3, ge=0)
    """Blocks that learn, from the last, with the final norm; 0 trains the head alone."""
    encoder_rate: float = Field(2e-4, gt=0)
    """For an encoder as small as the bundled one; 2e-5 is usual for large ones."""
    layer_decay: float = Field(1.0, gt=0, le=1)
    """Each block learns at this share of the rate of the one after it."""
    head_rate: float = Field(1e-4, gt=0)
    """The head begins fitted to the frozen encoder, and is not to forget that before the encoder has moved."""
    weight_decay: float = Field(0.01, ge=0)
    """Of the encoder's matrices, by AdamW; the head has none."""
    epochs: int = Field(15, ge=1)
    """At most this many passes over the training cells; the learning rate falls over all of them."""
    warm_up: float = Field(1.0, ge=0)
    """Epochs in which the learning rate rises."""
    floor: float = Field(0.1, ge=0, le=1)
    """Learning rate at the end as a share of its peak."""
    batch: int = Field(32, ge=2)
    stop_by: StopBy = "loss"
    """What makes an epoch better than the ones before, on validation groups; "never" learns from these, too, and takes
    all epochs."""
    patience: int = Field(4, ge=1)
    """Epochs without a better one after which training stops."""
    validation_folds: int = Field(4, ge=2)
    """One in so many of the groups a fold is trained on is kept for validation."""
    label_smoothing: float = Field(0.05, ge=0, lt=1)
    clip: float = Field(1.0, ge=0)
    """Largest norm of the gradient; 0 does not clip."""
    augmentation: Augmentation = Augmentation()


class Grid(FrozenModel):
    """Values to choose from on groups inside each training part; an empty list leaves the recipe's own value."""

    strengths: tuple[Annotated[float, Field(gt=0)], ...] = ()
    """Of regularisation, scikit-learn's C; without any the usual five are tried."""
    resample: tuple[Resample, ...] = ()
    class_weights: tuple[bool, ...] = ()


class HeadRecipe(FrozenModel):
    """Everything but the pictures that decides a head; the file ``recipe.toml``."""

    mode: Literal["probe", "finetune"] = "probe"
    """A linear head on frozen vectors, or one that is trained together with the last blocks of its encoder."""
    encoder: str = DEFAULT_ENCODER
    """Name in models/registry.toml, or a folder in Hugging Face format."""
    features: Literal["embedding", "both", "cytoskeleton"] = "embedding"
    """The encoder's vectors, or these and the measurements of `cellapp.cells.crop_features`, or these and the
    descriptors of `cellapp.cells.cytoskeleton`."""
    views: Literal[1, 8] = 8
    """8 averages vectors over all turned and mirrored views of a cell; 1 is eight times faster."""
    channels_as: Literal["roles", "each"] = "roles"
    """Three planes by the roles of channels, or each channel encoded by itself and the vectors joined."""
    group_column: str | None = None
    """Column of index.csv with the slide, plate or patient, whose cells are never in two folds; None takes "group"
    where there is such a column."""
    positive: str | None = None
    """Class that sensitivity, precision and the threshold are about; None takes "cancer", else the first by name."""
    folds: int = Field(5, ge=2)
    seed: Seed = 0
    crop: CropMode = CropMode.WINDOW
    """How the pictures were cut; `analyse` cuts cells the same way."""
    crop_px: int | None = Field(None, ge=8, le=1024)
    """Side of the pictures; None takes the most frequent one."""
    preprocess: PreprocessSettings = PreprocessSettings()
    """Chain applied to each picture, fitted to that picture alone."""
    baselines: bool = False
    """Score plainer methods on the same folds, too."""
    resample: Resample = "none"
    """How the training part of each fold is resampled where classes differ in number."""
    class_weights: bool = False
    """Weight each training cell by the inverse of the number of its class."""
    batch_effects: BatchMethod = "none"
    """How effects of batches, which are the groups, are taken out of vectors, learnt from training parts only."""
    control: str | None = None
    """Class whose cells are the controls that batch effects are learnt from."""
    keep_folds: bool = False
    """Write the head of each fold, too, so that an ensemble can be made of them."""
    grid: Grid = Grid()
    """For the mode 'probe' only."""
    finetune: FineTuning = FineTuning()
    """For the mode of that name only."""
    note: str = ""
    """Sentence added to the description of the head on every page, for example where the pictures are from."""

    @model_validator(mode="after")
    def _possible(self) -> HeadRecipe:
        plain = self.mode == "probe" and self.features == "embedding" and not self.baselines
        if self.channels_as == "each" and not plain:
            raise ValueError("channels_as 'each' needs mode 'probe' and features 'embedding', and no baselines")
        if self.mode == "finetune" and self.grid != Grid():
            raise ValueError("mode 'finetune' searches no grid; leave out grid, or take mode 'probe'")
        if self.mode == "finetune" and self.features != "embedding":
            raise ValueError("mode 'finetune' learns from pixels alone; take features = 'embedding', or mode 'probe'")
        if self.mode == "finetune" and (self.resample, self.batch_effects) != ("none", "none"):
            raise ValueError("mode 'finetune' resamples and scales no vectors; take class_weights, or mode 'probe'")
        if self.control is not None and self.batch_effects == "none":
            raise ValueError(
                f"control {self.control!r} has no effect while batch_effects is 'none'; take 'scale' or 'controls', or "
                "leave control out"
            )
        if self.mode == "finetune" and self.keep_folds:
            raise ValueError("mode 'finetune' keeps no encoder of each fold; leave out keep_folds, or mode 'finetune'")
        return self

    @property
    def reads(self) -> FeatureSettings:
        """Features of a cell that the head reads."""
        asked = {"shape": self.features == "both", "cytoskeleton": self.features == "cytoskeleton"}
        return FeatureSettings(fit_to="crop", views=self.views, channels_as=self.channels_as, **asked)

    @property
    def balance(self) -> Balance:
        """How small classes get the influence of large ones."""
        return Balance(self.resample, self.class_weights, self.seed)

    @property
    def choices(self) -> dict[str, Any]:
        """Options of `cellapp.training.classifier.cross_validation.fit_and_hold_out`."""
        resample = self.grid.resample or (self.resample,)
        weights = self.grid.class_weights or (self.class_weights,)
        balances = tuple(Balance(how, weighted, self.seed) for how in resample for weighted in weights)
        strengths = tuple(sorted(set(self.grid.strengths))) or STRENGTHS
        own = {"folds": self.folds, "seed": self.seed, "balance": balances[0], "effects": self.effects}
        return own | {"strengths": strengths, "balances": balances if len(balances) > 1 else ()}

    @property
    def effects(self) -> BatchEffects:
        """How batch effects are taken out."""
        return BatchEffects(self.batch_effects, self.control)

    @property
    def toml(self) -> str:
        """The recipe as it is written beside the head; choices that came later only where they are made."""
        usual = {name for name in _LATER if getattr(self, name) == type(self).model_fields[name].default}
        unused = {"finetune"} if self.mode == "probe" else set()
        return tomli_w.dumps(self.model_dump(mode="json", exclude_none=True, exclude=usual | unused))
