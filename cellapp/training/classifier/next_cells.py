"""Which cells of an analysis to label next, from their vectors and the labels so far."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cellapp.errors import InputError
from cellapp.labelling.orders import Candidates, OrderOptions, order_cells
from cellapp.training.classifier.probe import refit

NEEDS_PROBE = ("least-sure", "band")
"""Orders that rank by what a probe thinks of the cells."""


def next_cells(
    vectors: np.ndarray,
    labels: Sequence[str],
    images: Sequence[str],
    order: str,
    *,
    options: OrderOptions | None = None,
    of_class: str | None = None,
) -> np.ndarray:
    """Rank cells in an order, fitting a probe where the order needs one.

    Parameters
    ----------
    vectors : ndarray of shape (N, F)
    labels : sequence of str
        N classes, "" for cells without one.
    images : sequence of str
        N images.
    order : str
        One of `cellapp.labelling.orders.ORDERS`.
    options : OrderOptions, optional
    of_class : str, optional
        Class that a band of probability is of; the first by name when left out.

    Returns
    -------
    ndarray of shape (N,), int64
        Row numbers, best first, cells without a label before the others.

    Raises
    ------
    InputError
        There is no such order or class, or fewer than two classes have labels where a probe is needed.
    """
    options, probabilities = options or OrderOptions(), None
    if order in NEEDS_PROBE:
        probe = refit(vectors, labels, images, seed=options.seed)
        probabilities = probe.probabilities
        if of_class is not None and of_class not in probe.classes:
            raise InputError(f"no class {of_class!r} among the labels; they are {', '.join(map(repr, probe.classes))}")
        at = probe.classes.index(of_class) if of_class else 0
        options = OrderOptions(options.seed, options.like, at, options.band)
    labelled = np.array([name != "" for name in labels], bool)
    return order_cells(order, Candidates(vectors, labelled, probabilities, images), options)
