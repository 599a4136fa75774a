"""Class probabilities of cells from a linear head."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.special import softmax

from cellapp.classification.head import LinearHead
from cellapp.settings import ClassifySettings
from cellapp.types import Embeddings, Predictions


def predict(head: LinearHead, embeddings: Embeddings, settings: ClassifySettings | None = None) -> Predictions:
    """Say what each cell is.

    Parameters
    ----------
    head : LinearHead
    embeddings : Embeddings
        Of the encoder the head was trained on; zero cells give zero rows.
    settings : ClassifySettings, optional
        `threshold` is the probability of the positive class from which a cell is called positive (two classes only);
        cells whose `Predictions.margin` is below `unsure_margin` are unsure.

    Returns
    -------
    Predictions

    Raises
    ------
    ModelError
        When the embeddings come from another encoder.
    """
    settings = settings or ClassifySettings()
    head.check(embeddings)
    features = embeddings.features
    n_cells = len(embeddings.cell_ids)
    predictions = Predictions(
        probabilities=softmax(head.scores(features), axis=1),
        classes=head.classes,
        cell_ids=embeddings.cell_ids,
        unsure=np.zeros(n_cells, bool),
        unlike_training=head.cloud.distance(head.standardise(features)) > head.cloud.limit,
        head=head.identity,
        calibrated=head.calibrated,
        positive=head.positive,
        threshold=settings.threshold,
    )
    return replace(predictions, unsure=predictions.margin < settings.unsure_margin)
