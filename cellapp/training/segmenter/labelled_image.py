"""An image with its truth, and the kind it is reported by."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from cellapp.synthetic.label_free import Contrast
from cellapp.types.image import Slide


class Kind(StrEnum):
    """How an image was made; figures are reported by it."""

    FLUORESCENCE = "fluorescence"
    FIELDS = "fluorescence_fields"  # whole fields of further laboratories
    TISSUE = "fluorescence_tissue"
    STAINED = "stained_or_colour"
    BRIGHTFIELD = "brightfield_gray"
    PHASE = "phase"
    SYNTHETIC = "synthetic"
    LONG = "synthetic_long"  # rods, spindles and fibres
    SMEAR = "blood_smear"
    SIMULATED_PHASE = "simulated_phase"
    SIMULATED_DIC = "simulated_dic"
    SIMULATED_BRIGHTFIELD = "simulated_brightfield"
    SIMULATED_QUANTITATIVE = "simulated_quantitative"

    @property
    def label_free(self) -> bool:
        """Whether the optics make the contrast, so that a cell may be as well dark as bright."""
        return self is Kind.PHASE or self in SIMULATED.values()


SIMULATED = {
    Contrast.PHASE: Kind.SIMULATED_PHASE,
    Contrast.DIC: Kind.SIMULATED_DIC,
    Contrast.BRIGHTFIELD: Kind.SIMULATED_BRIGHTFIELD,
    Contrast.QUANTITATIVE: Kind.SIMULATED_QUANTITATIVE,
}
"""Kind of the images that an optical model draws."""


@dataclass(frozen=True, eq=False)
class LabelledImage:
    """An image with its truth."""

    name: str
    kind: Kind
    slide: Slide
    labels: np.ndarray  # (Y, X) int32
    ignore: np.ndarray | None = None  # (Y, X) bool: what nobody labelled, left out of loss and score
