"""From a trained linear layer to a head: the same function of a cell's vector, with what a head knows beside it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from cellapp.classification.head import LinearHead
from cellapp.classification.novelty import fit_novelty
from cellapp.training.classifier.logistic_regression import FlooredScaler

if TYPE_CHECKING:
    from torch import nn


def network_head(start: LinearHead, linear: nn.Linear, features: np.ndarray, codes: np.ndarray) -> LinearHead:
    """Build the head of a fine-tuned encoder.

    Fine-tuning moves the vectors, so that they are scaled anew and the weights with them: scores stay what they were.

    Parameters
    ----------
    start : LinearHead
        The one training began with; its scaling is the one `linear` was trained with.
    linear : Linear
        From scaled vectors to class scores.
    features : ndarray of shape (N, F)
        Vectors of the training cells by the encoder as it is now.
    codes : ndarray of shape (N,)
        Class of each.

    Returns
    -------
    LinearHead
        Without temperature, figures and limit of what is unlike its training cells.
    """
    scaler = FlooredScaler().fit(features.astype(np.float64))
    per_unit = linear.weight.detach().cpu().numpy().astype(np.float64) / start.std
    bias = linear.bias.detach().cpu().numpy() + per_unit @ (scaler.mean_ - start.mean)
    return replace(
        start,
        weight=(per_unit * scaler.scale_).astype(np.float32),
        bias=bias.astype(np.float32),
        mean=scaler.mean_.astype(np.float32),
        std=scaler.scale_.astype(np.float32),
        novelty=fit_novelty((features - scaler.mean_) / scaler.scale_, codes, len(start.classes)),
    )
