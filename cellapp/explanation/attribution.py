"""Which patches speak for a class, exactly, when the head is linear."""

from __future__ import annotations

import numpy as np

from cellapp.classification.head import LinearHead
from cellapp.errors import InputError
from cellapp.types import Embeddings, Explanations

METHOD = "hirescam"


def attribute(head: LinearHead, embeddings: Embeddings, target: str | None = None) -> Explanations:
    """Split the logit of a class into what each patch adds.

    The head reads ``[class token, mean patch token]``, so the logit (`LinearHead.contrast`) is a sum over patches of
    ``patch @ w / P`` plus a rest from the class token, the bias and, in a head that reads them, measurements. This is
    HiResCAM at the final norm (Draelos and Carin 2020, arXiv:2011.08891) without a backward pass: gradient times
    activation is the product itself.

    Parameters
    ----------
    head : LinearHead
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
