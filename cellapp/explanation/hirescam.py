"""HiResCAM in closed form: what each patch adds to the logit of a class, exactly, when the head is linear."""

from __future__ import annotations

import numpy as np

from cellapp.classification.ensemble import Head
from cellapp.errors import InputError
from cellapp.types.cells import Embeddings, Explanations, join_explanations
from cellapp.types.protocols import Encoder

METHOD = "hirescam"


def attribute(head: Head, embeddings: Embeddings, target: str | None = None) -> Explanations:
    """Split the logit of a class into what each patch adds.

    The head reads ``[class token, mean patch token]``, so the logit (`LinearHead.contrast`) is a sum over patches of
    ``patch @ w / P`` plus a rest from the class token, the bias and, in a head that reads them, measurements. This is
    HiResCAM at the final norm (Draelos and Carin 2020, arXiv:2011.08891) without a backward pass: gradient times
    activation is the product itself.

    Parameters
    ----------
    head : LinearHead or EnsembleHead
    embeddings : Embeddings
        With `patches`.
    target : str, optional
        Class to explain; the head's positive class when left out.

    Returns
    -------
    Explanations
        ``maps.sum((1, 2)) + rest == logits`` in calibrated logit units.

    Raises
    ------
    InputError
        When the embeddings have no patches.
    ModelError
        When the head is for another encoder or does not know the class.
    """
    if embeddings.patches is None:
        raise InputError("attribution needs every patch token; embed with patches=True")
    head.check(embeddings)
    target = target or head.positive
    weight, bias = head.contrast(target)
    rows, columns = embeddings.grid
    of_class_token, of_patches, of_measured = np.split(weight, [head.dim, 2 * head.dim])
    maps = embeddings.patches.astype(np.float64) @ of_patches / (rows * columns)
    rest = embeddings.cls.astype(np.float64) @ of_class_token + bias
    if embeddings.measured is not None:
        rest += embeddings.measured.astype(np.float64) @ of_measured
    return Explanations(
        maps=maps.reshape(-1, rows, columns).astype(np.float32),
        rest=rest.astype(np.float32),
        logits=(maps.sum(axis=1) + rest).astype(np.float32),
        cell_ids=embeddings.cell_ids,
        target=target,
        method=METHOD,
    )


_BATCH = 64  # crops whose patch tokens are in memory at once


def exact_maps(
    encoder: Encoder, head: Head, crops: np.ndarray, cell_ids: np.ndarray, target: str, layer: int | None = None
) -> Explanations:
    """Explain one class of each crop by HiResCAM (Draelos and Carin 2020, arXiv:2011.08891) at the final norm.

    A linear head on the mean patch token makes gradient times activation a product of token and weight, so maps need
    one forward pass in batches, no backward pass and no hooks on a network that others use: `attribute`. They equal
    those of ``pytorch_grad_cam.HiResCAM`` at that layer (`cellapp.explanation.gradcam`) before it clips negatives and
    scales each map to 0..1, which would keep maps of different cells from being compared. The logits are those of the
    predictions.

    It exists at the final norm only, where the head is linear in what it reads; `layer` changes nothing.

    Parameters and result are those of `cellapp.explanation.methods.explain`.
    """
    encoder = encoder.reading(head.reads)
    parts = []
    for start in range(0, max(len(crops), 1), _BATCH):
        rows = slice(start, start + _BATCH)
        parts.append(attribute(head, encoder.embed(crops[rows], cell_ids[rows], patches=True), target))
    return join_explanations(parts)
