"""Classify files of single cells: the same chain as in a slide, with each crop scaled by its own intensities."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from cellapp.classification.head import LinearHead
from cellapp.classification.predict import predict
from cellapp.encoders.crop_folder import embed_folder, left_out, list_crops, prediction_table
from cellapp.models.load import load_model
from cellapp.settings import ClassifySettings


def predict_crops(folder: str | Path, head: str | LinearHead) -> pd.DataFrame:
    """Classify every picture below a folder; one that cannot be read is left out and named.

    Parameters
    ----------
    folder : str or Path
        Pictures of single cells, see `cellapp.encoders.crop_folder.list_crops`.
    head : str or LinearHead
        Name in the registry, the folder of a trained head, or a head that is loaded.

    Returns
    -------
    DataFrame
        One row per picture: file (relative to `folder`), label, p_<class>, unsure, unlike_training.
        ``attrs["left_out"]`` has a sentence for each picture that could not be read.

    Raises
    ------
    InputError
        When there is no such folder, or no picture in it that can be read.
    ModelError
        When head or encoder cannot be had, or the head reads windows of slides.
    """
    head = load_model(head) if isinstance(head, str) else head
    head.check_reads_crops()
    folder, unreadable = Path(folder), {}
    paths = list_crops(folder)
    encoder = load_model(head.encoder.split("@")[0]).reading(head.reads)
    embeddings = embed_folder(paths, encoder, head.preprocess, unreadable)
    files = [path.relative_to(folder) for path in paths]
    table = prediction_table(predict(head, embeddings, ClassifySettings()), files)
    table.attrs["left_out"] = left_out(unreadable, folder)
    return table
