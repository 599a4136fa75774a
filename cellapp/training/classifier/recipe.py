"""The recipe of a head: a TOML file that, with the pictures, decides its weights."""

from __future__ import annotations

from typing import Literal

import tomli_w
from pydantic import Field

from cellapp.settings import DEFAULT_ENCODER, CropMode, FeatureSettings, FrozenModel, PreprocessSettings
from cellapp.training.classifier.batch_effects import BatchEffects, BatchMethod
from cellapp.training.classifier.resampling import Balance, Resample

_LATER = (
    "resample",
    "class_weights",
    "batch_effects",
    "control",
    "keep_folds",
)  # than version 0.1.0, whose recipes stay as they are


class HeadRecipe(FrozenModel):
    """Everything but the pictures that decides a head; the file ``recipe.toml``."""

    encoder: str = DEFAULT_ENCODER
    """Name in models/registry.toml, or a folder in Hugging Face format."""
    features: Literal["embedding", "both"] = "embedding"
    """The encoder's vectors, or these and the measurements of `cellapp.cells.crop_features`."""
    views: Literal[1, 8] = 8
    """8 averages vectors over all turned and mirrored views of a cell; 1 is eight times faster."""
    group_column: str | None = None
    """Column of index.csv with the slide, plate or patient, whose cells are never in two folds; None takes "group"
    where there is such a column."""
    positive: str | None = None
    """Class that sensitivity, precision and the threshold are about; None takes "cancer", else the first by name."""
    folds: int = Field(5, ge=2)
    seed: int = 0
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
    note: str = ""
    """Sentence added to the description of the head on every page, for example where the pictures are from."""

    @property
    def reads(self) -> FeatureSettings:
        """Features of a cell that the head reads."""
        return FeatureSettings(fit_to="crop", views=self.views, shape=self.features == "both")

    @property
    def balance(self) -> Balance:
        """How small classes get the influence of large ones."""
        return Balance(self.resample, self.class_weights, self.seed)

    @property
    def effects(self) -> BatchEffects:
        """How batch effects are taken out."""
        return BatchEffects(self.batch_effects, self.control)

    @property
    def toml(self) -> str:
        """The recipe as it is written beside the head; choices that came later only where they are made."""
        usual = {name for name in _LATER if getattr(self, name) == type(self).model_fields[name].default}
        return tomli_w.dumps(self.model_dump(mode="json", exclude_none=True, exclude=usual))
