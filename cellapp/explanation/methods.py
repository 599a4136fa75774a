"""The methods of explanation by name, and the one function that runs them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from cellapp.classification.ensemble import Head
from cellapp.errors import ModelError
from cellapp.explanation.gradcam import hirescam
from cellapp.explanation.hirescam import exact_maps
from cellapp.types.cells import Explanations
from cellapp.types.protocols import Encoder


class Method(Protocol):
    """Makes signed maps of crops in logit units; `explain` has checked that head and encoder belong together."""

    def __call__(
        self, encoder: Encoder, head: Head, crops: np.ndarray, cell_ids: np.ndarray, target: str
    ) -> Explanations:
        """Explain the class `target` of `crops`, (N, 3, S, S) float32."""
        ...


METHODS: Mapping[str, Method] = {"exact": exact_maps, "hirescam": hirescam}
"""By the names of `ExplainSettings.method`: HiResCAM in closed form, and the same by pytorch-grad-cam."""


def explain(
    encoder: Encoder,
    head: Head,
    crops: np.ndarray,
    cell_ids: np.ndarray,
    target: str | None = None,
    *,
    method: str = "exact",
) -> Explanations:
    """Explain one class of each crop.

    Parameters
    ----------
    encoder : Encoder
    head : LinearHead or EnsembleHead
    crops : ndarray of shape (N, 3, S, S), float32
        0 to 1, as made by `cellapp.encoders.crop_to_rgb.encoder_input`.
    cell_ids : ndarray of shape (N,)
    target : str, optional
        Class to explain; the head's positive class when left out.
    method : str
        One of `METHODS`.

    Returns
    -------
    Explanations
        Calibrated logit units, see `LinearHead.contrast`; `rest` is the logit minus the sum of the map.

    Raises
    ------
    InputError
        When the crops do not fit the encoder.
    ModelError
        When the head is for another encoder, reads no crops, does not know the class, or the method cannot.
    """
    head.check_encoder(encoder)
    head.check_reads_crops()
    if head.reads.channels_as == "each" and method != "exact":
        raise ModelError(f"head {head.name!r} reads each channel by itself, which only the method 'exact' explains")
    return METHODS[method](encoder, head, crops, cell_ids, target or head.positive)
