"""HiResCAM of crops: what speaks for and against one class, patch by patch, at the cost of encoding them."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from cellapp.classification.head import LinearHead
from cellapp.explanation.attribution import attribute
from cellapp.explanation.library import hirescam
from cellapp.types import Encoder, Explanations

_BATCH = 64  # crops whose patch tokens are in memory at once


def explain(
    encoder: Encoder,
    head: LinearHead,
    crops: np.ndarray,
    cell_ids: np.ndarray,
    target: str | None = None,
    *,
    method: Literal["exact", "hirescam"] = "exact",
) -> Explanations:
    """Explain one class of each crop by HiResCAM (Draelos and Carin 2020, arXiv:2011.08891) at the final norm.

    A linear head on the mean patch token makes gradient times activation a product of token and weight, so maps need
    one forward pass in batches, no backward pass and no hooks on a network that others use: `attribute`. They equal
    those of ``pytorch_grad_cam.HiResCAM`` at that layer (`cellapp.explanation.library`) before it clips negatives and
    scales each map to 0..1, which would keep maps of different cells from being compared. The logits are those of the
    predictions.

    An earlier layer is not offered: at the input of the last block, patches that speak for a class by gradient times
    activation raised its logit when they were blanked.

    Parameters
    ----------
    encoder : Encoder
    head : LinearHead
    crops : ndarray of shape (N, 3, S, S), float32
        0 to 1, as made by `cellapp.encoders.prepare.encoder_input`.
    cell_ids : ndarray of shape (N,)
    target : str, optional
        Class to explain; the head's positive class when left out.
    method : str
        "exact" for the closed form, "hirescam" to have pytorch-grad-cam make the same maps about three times slower.

    Returns
    -------
    Explanations
        Calibrated logit units, see `LinearHead.contrast`; `rest` is the logit minus the sum of the map.

    Raises
    ------
    InputError
        When the crops do not fit the encoder.
    ModelError
        When the head is for another encoder, reads no crops or does not know the class.
    """
    head.check_encoder(encoder)
    head.check_reads_crops()
    if method == "hirescam":
        return hirescam(encoder, head, crops, cell_ids, target or head.positive)
    encoder = encoder.reading(head.reads)
    parts = []
    for start in range(0, max(len(crops), 1), _BATCH):
        rows = slice(start, start + _BATCH)
        parts.append(attribute(head, encoder.embed(crops[rows], cell_ids[rows], patches=True), target))
    joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in ("maps", "rest", "logits")}
    return replace(parts[0], **joined, cell_ids=cell_ids)
