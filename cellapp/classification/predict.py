"""Class probabilities and labels of cells from a head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from cellapp.classification.cell_columns import positive_class
from cellapp.classification.ensemble import Head
from cellapp.errors import InputError
from cellapp.settings import ClassifySettings
from cellapp.types.cells import Embeddings, Predictions


def predict(head: Head, embeddings: Embeddings, settings: ClassifySettings | None = None) -> Predictions:
    """Classify cells.

    Parameters
    ----------
    head : LinearHead or EnsembleHead
    embeddings : Embeddings
        Of the encoder the head was trained on; zero cells give zero rows.
    settings : ClassifySettings, optional
        `threshold` is the probability of the positive class from which a cell is labelled so (two classes only);
        cells whose `Predictions.margin` is below `unsure_margin` are unsure or, by choice of `unsure`, those with
        another or no class than their label in `Predictions.possible`.

    Returns
    -------
    Predictions

    Raises
    ------
    ModelError
        When the embeddings come from another encoder.
    InputError
        When conformal sets are wanted of a head without limits.
    """
    head.check(embeddings)
    features = embeddings.features
    chances, unlike = head.probabilities(features), head.is_unlike(features)
    return from_probabilities(head, chances, unlike, embeddings.cell_ids, settings or ClassifySettings())


def from_probabilities(
    head: Head, probabilities: np.ndarray, unlike: np.ndarray, cell_ids: np.ndarray, settings: ClassifySettings
) -> Predictions:
    """Call cells from what a head said of them.

    Parameters
    ----------
    head : LinearHead or EnsembleHead
    probabilities : ndarray of shape (N, K)
    unlike : ndarray of shape (N,), bool
        Cells unlike the training cells.
    cell_ids : ndarray of shape (N,), int32
    settings : ClassifySettings
        See `predict`.
    """
    check_unsure(head, settings)
    predictions = Predictions(
        probabilities=probabilities,
        classes=head.classes,
        cell_ids=cell_ids,
        unsure=np.zeros(len(cell_ids), bool),
        unlike_training=unlike,
        head=head.identity,
        calibrated=head.calibrated,
        positive=head.positive,
        threshold=settings.threshold,
        possible=head.conformal.possible(probabilities, settings.error_rate) if head.conformal else None,
    )
    if settings.unsure == "conformal":
        return replace(predictions, unsure=predictions.sets != predictions.labels)
    return replace(predictions, unsure=predictions.margin < settings.unsure_margin)


def check_unsure(head: Head, settings: ClassifySettings) -> None:
    """Raise InputError where conformal sets are wanted and the head has no limits for them."""
    if settings.unsure == "conformal" and head.conformal is None:
        raise InputError(
            f"head {head.name!r} has no limits for unsure = 'conformal': train it again on labels of at least two "
            "groups per class, or choose unsure = 'margin'"
        )


def rethreshold(
    cells: pd.DataFrame, classes: Sequence[str], *, threshold: float, unsure_margin: float, by_set: bool = False
) -> pd.DataFrame:
    """Label classified cells again from their stored probabilities.

    Parameters
    ----------
    cells : DataFrame
        Cell table, any index; rows without probabilities (rejected cells) keep their empty label.
    classes : sequence of str
        Classes of the head, the positive one first, as `cellapp.cells.counts.classes_of` reads them from the table.
    threshold : float
        Probability of the positive class from which a cell is labelled so; used with two classes only.
    unsure_margin : float
        Cells whose `Predictions.margin` is below it are unsure.
    by_set : bool
        Cells are unsure instead unless their label is all there is in the column ``set``.

    Returns
    -------
    DataFrame
        `cells` with new `label`, `margin` and `unsure`; the same table when it has no probabilities.
    """
    columns = [f"p_{name}" for name in classes]
    if not columns or not set(columns) <= set(cells.columns):
        return cells
    classified = cells[columns].notna().all(axis=1).to_numpy()
    predictions = Predictions(
        probabilities=cells.loc[classified, columns].to_numpy(float),
        classes=tuple(classes),
        cell_ids=np.flatnonzero(classified).astype(np.int32),
        unsure=np.zeros(classified.sum(), bool),
        unlike_training=np.zeros(classified.sum(), bool),
        head="",
        calibrated=False,
        positive=positive_class(classes),
        threshold=threshold,
    )
    label = np.full(len(cells), "", dtype=object)
    margin = np.full(len(cells), np.nan)
    label[classified], margin[classified] = predictions.labels, predictions.margin
    unsure = np.nan_to_num(margin, nan=1.0) < unsure_margin
    if by_set and "set" in cells:
        unsure = classified & (cells["set"].to_numpy(object) != label)
    return cells.assign(label=label, margin=margin, unsure=unsure)


def unsure_band(threshold: float, unsure_margin: float) -> tuple[float, float]:
    """Return the limits of the probability of the positive class between which a cell is unsure.

    See `Predictions.margin`.
    """
    return threshold * (1 - unsure_margin), threshold + unsure_margin * (1 - threshold)
