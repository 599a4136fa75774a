"""Classify files of single cells: the same chain as in a slide, with each crop scaled by its own intensities."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from cellapp.classification.ensemble import EnsembleHead, Head, reading_of
from cellapp.classification.head import LinearHead
from cellapp.classification.predict import check_unsure, from_probabilities, predict
from cellapp.encoders.crop_folder import embed_folder, left_out, list_crops, prediction_table
from cellapp.models.load import load_encoder_of, load_model
from cellapp.settings import ClassifySettings
from cellapp.types.cells import Embeddings, Predictions


def predict_crops(folder: str | Path, head: str | Head, settings: ClassifySettings | None = None) -> pd.DataFrame:
    """Classify every picture below a folder; one that cannot be read is left out and named.

    Parameters
    ----------
    folder : str or Path
        Pictures of single cells, see `cellapp.encoders.crop_folder.list_crops`.
    head : str, LinearHead or EnsembleHead
        Name in the registry, the folder of a trained head, or a head that is loaded.
    settings : ClassifySettings, optional
        Threshold, and what makes a cell unsure; the defaults when left out.

    Returns
    -------
    DataFrame
        One row per picture: file (relative to `folder`), label, p_<class>, unsure, unlike_training; with limits set.
        ``attrs["left_out"]`` has a sentence for each picture that could not be read.

    Raises
    ------
    InputError
        When there is no such folder, or no picture in it that can be read.
    ModelError
        When head or encoder cannot be had, or the head reads windows of slides.
    """
    head, settings = load_model(head, kind="head") if isinstance(head, str) else head, settings or ClassifySettings()
    head.check_reads_crops()
    check_unsure(head, settings)
    folder, unreadable = Path(folder), {}
    paths = list_crops(folder)
    one_reading = isinstance(head, LinearHead) or head.reads_alike
    called = _predict if one_reading else _predict_each
    predictions = called(paths, head, settings, unreadable)
    files = [path.relative_to(folder) for path in paths]
    table = prediction_table(predictions, files)
    table.attrs["left_out"] = left_out(unreadable, folder)
    return table


def _predict(paths: Sequence[Path], head: Head, settings: ClassifySettings, unreadable: dict[Path, str]) -> Predictions:
    return predict(head, _embed(paths, head, unreadable), settings)


def _predict_each(
    paths: Sequence[Path], head: EnsembleHead, settings: ClassifySettings, unreadable: dict[Path, str]
) -> Predictions:
    """Encode the pictures in every way that members of an ensemble read them, and average what the members say."""
    by_reading = {reading_of(member): member for member in head.members}
    vectors = {reading: _embed(paths, member, unreadable) for reading, member in by_reading.items()}
    parts = [predict(member, vectors[reading_of(member)]) for member in head.members]
    probabilities = head.combine([part.probabilities for part in parts])
    unlike = head.combine([part.unlike_training for part in parts]) > 0.5
    return from_probabilities(head, probabilities, unlike, parts[0].cell_ids, settings)


def _embed(paths: Sequence[Path], head: Head, unreadable: dict[Path, str]) -> Embeddings:
    encoder = load_encoder_of(head).reading(head.reads)
    return embed_folder(paths, encoder, head.preprocess, unreadable)
