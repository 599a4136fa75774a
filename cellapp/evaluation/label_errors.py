"""Which labels look wrong: confident learning on held-out probabilities (Northcutt, Jiang and Chuang 2021, JAIR 70)."""

from __future__ import annotations

import numpy as np


def suspicious_labels(codes: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Find labels that held-out calls contradict, the least believable first.

    A class is confidently possible for a cell where its probability reaches the mean one among the cells labelled so,
    which allows for classes of which a head is less sure. A label is suspicious where the most probable of these
    classes is another one.

    Parameters
    ----------
    codes : ndarray of shape (N,), int
        Labelled class of each cell, a column of `probabilities`.
    probabilities : ndarray of shape (N, K)
        Of heads that had not seen the group of the cell.

    Returns
    -------
    ndarray of int
        Rows, by the probability of the label minus that of the most probable other class.
    """
    n_cells, n_classes = probabilities.shape
    thresholds = np.full(n_classes, np.inf)
    for code in np.unique(codes):
        thresholds[code] = probabilities[codes == code, code].mean()
    confident = np.where(probabilities >= thresholds, probabilities, -1.0)
    contradicted = (confident.max(axis=1) >= 0) & (confident.argmax(axis=1) != codes)
    own = probabilities[np.arange(n_cells), codes]
    others = probabilities.copy()
    others[np.arange(n_cells), codes] = -1.0
    margin = own - others.max(axis=1)
    rows = np.flatnonzero(contradicted)
    return rows[np.argsort(margin[rows], kind="stable")]
